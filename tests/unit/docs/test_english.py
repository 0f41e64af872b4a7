"""The project's English is plain: translated phrases that were replaced do not come back."""

import subprocess
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[3]
BANNED = (
    "a line tells of",
    "a person is asked",
    "a person is needed",
    "a user a line",
    "again and again",
    "asked for anew",
    "asks anew",
    "begins anew",
    "beside requests",
    "cannot be had",
    "does beside",
    "for then anybody",
    "for then nobody",
    "go on with",
    "goes on with",
    "going on with",
    "gone on with",
    "had back",
    "held against",
    "hold against",
    "holds the rules",
    "host beside",
    "if nobody did",
    "in the domain's words",
    "is asked for",
    "is looked after",
    "is looked at",
    "is no message",
    "is told with",
    "is written down",
    "lives for",
    "looked at again",
    "looked up anew",
    "looks at a user",
    "looks at each user",
    "looks at such a user",
    "many looks fail",
    "mend them",
    "mend what",
    "needs a person",
    "nobody can be asked",
    "nobody is let in",
    "nobody's turn",
    "of its failing",
    "once a process",
    "remarked on",
    "running beside",
    "second look",
    "that are asked for",
    "the single things",
    "to be looked at",
    "told otherwise",
    "touches no other",
    "was asked for",
    "what came of",
    "what is asked for",
    "what is no ",
    "what is to be done",
    "whoever asks",
    "whoever has",
    "whoever knows",
    "whoever may",
    "whoever moves",
    "whoever ran",
    "whose time has come",
    "worked off",
    "writes down",
    "written down",
)
"""Whole expressions in lower case, never single ordinary words."""

EXEMPT = {"CHANGELOG.md", "tests/unit/docs/test_english.py", "local/azurite/package-lock.json"}


def texts() -> Iterator[tuple[str, str]]:
    """Yield the path and the content of every tracked text file that people write."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - whichever git the developer uses
        check=True,
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
    ).stdout
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if name in EXEMPT or path.match("requirements*.txt") or not path.is_file():
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            yield name, content.decode("utf-8", errors="replace")


def found(text: str) -> Iterator[tuple[int, str]]:
    """Yield line number and phrase of each banned phrase, also where it goes over two lines."""
    lines = text.lower().splitlines()
    running = " ".join(line.lstrip(" #/*>|").rstrip() for line in lines)
    if not any(phrase.strip() in running for phrase in BANNED):
        return
    for number, (line, after) in enumerate(zip_longest(lines, lines[1:], fillvalue=""), 1):
        joined = f"{line.rstrip()} {after.lstrip(' #/*>|')}"
        for phrase in BANNED:
            if 0 <= joined.find(phrase) < len(line):
                yield number, phrase


def test_phrases_are_expressions() -> None:
    """The list is sorted, in lower case, and bans no single word."""
    assert list(BANNED) == sorted(set(BANNED))
    assert all(phrase == phrase.lower() and " " in phrase.strip() for phrase in BANNED)


def test_a_phrase_is_found_in_any_case_and_across_lines() -> None:
    """A line break or a capital letter does not hide a phrase; its first line is named."""
    assert list(found("fine\nIs Looked\n# at by many")) == [(2, "is looked at")]
    assert list(found("nothing here")) == []


def test_no_banned_phrase_is_left() -> None:
    """No tracked text has a phrase of the list; a failure names file, line and phrase."""
    hits = [
        f"{name}:{number}: {phrase}" for name, text in texts() for number, phrase in found(text)
    ]
    assert not hits, "\n".join(hits)
