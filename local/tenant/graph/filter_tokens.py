"""Tokens of the $filter language, and its errors."""

import re

from local.tenant.errors import GraphError

MAX_CLAUSES = 15
_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')"
    r"|(?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"|(?P<word>[A-Za-z_@][A-Za-z0-9_.]*)"
    r"|(?P<mark>[(),:/]))"
)


def bad_filter(message: str) -> GraphError:
    """The refusal of a filter that is not understood."""
    return GraphError(400, "BadRequest", f"Invalid filter clause: {message}")


def unsupported(name: str) -> GraphError:
    """The refusal of a property that users cannot be filtered by."""
    return GraphError(
        400,
        "Request_UnsupportedQuery",
        f"Unsupported or invalid query filter clause specified for property '{name}' of resource "
        "'User'.",
    )


class Tokens:
    """A filter's words, one after the other: each is its kind and its text."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokenize(text)
        self._at = 0

    def peek(self, ahead: int = 0) -> tuple[str, str]:
        """The next word, or one further on, without taking it."""
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ("end", "end of the expression")

    def next(self) -> tuple[str, str]:
        """Take the next word."""
        token = self.peek()
        self._at += 1
        return token

    def expect(self, text: str) -> None:
        """Take the next word, which must be that one; raises GraphError."""
        _, found = self.next()
        if found.lower() != text:
            raise bad_filter(f"'{text}' expected, '{found}' found.")

    def end(self) -> None:
        """Raise GraphError unless all words have been taken."""
        if self._at < len(self._tokens):
            raise bad_filter(f"Syntax error at '{self._tokens[self._at][1]}'.")

    def word_is(self, word: str) -> bool:
        """Whether the next word is that one, whatever its case."""
        kind, text = self.peek()
        return kind == "word" and text.lower() == word

    def literal(self) -> str:
        """Take a string, a GUID, true, false or null; raises GraphError."""
        kind, text = self.next()
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "guid" or (kind == "word" and text.lower() in {"true", "false", "null"}):
            return text
        raise bad_filter(f"A value expected, '{text}' found.")

    def literals(self) -> list[str]:
        """Take a list of literals in brackets, as lower case; raises GraphError."""
        self.expect("(")
        values = [self.literal().lower()]
        while self.peek()[1] == ",":
            self.next()
            values.append(self.literal().lower())
        self.expect(")")
        if len(values) > MAX_CLAUSES:
            raise GraphError(
                400,
                "Request_UnsupportedQuery",
                f"Too many values in the 'in' operator: {len(values)}. Max allowed: {MAX_CLAUSES}.",
            )
        return values


def _tokenize(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise bad_filter(f"Syntax error at position {at} in '{text[:200]}'.")
        kind = str(match.lastgroup)
        tokens.append((kind, match.group(kind)))
        at = match.end()
    return tokens
