"""The users of a CSV file: any encoding, delimiter and line end, and what bad and hostile files do."""

import csv
import sys
import tracemalloc
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO
from itertools import islice
from string import ascii_letters, digits
from typing import BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.options import OwnNumbers
from shared.errors import InputError
from shared.text import defused
from shared.userlists.csv_file import COLUMNS, BadLine, CsvUser, csv_users, own_numbers
from shared.userlists.names import user_name
from tests.fakes import guid


def csv_names(file: BinaryIO, column: str | None = None) -> Iterator[str | BadLine]:
    """The name in each row, or why a line has none."""
    return (row if isinstance(row, BadLine) else row.name for row in csv_users(file, column))


ENCODINGS = {
    "utf-8": ("utf-8", b""),
    "utf-8 with mark": ("utf-8", BOM_UTF8),
    "utf-16-le": ("utf-16-le", b""),
    "utf-16-le with mark": ("utf-16-le", BOM_UTF16_LE),
    "utf-16-be": ("utf-16-be", b""),
    "utf-16-be with mark": ("utf-16-be", BOM_UTF16_BE),
    "windows-1252": ("cp1252", b""),
}
LETTERS = {"windows-1252": "éüñ", "utf-16-le": "", "utf-16-be": ""}
"""Letters beyond ASCII to test an encoding with, where not every one will do."""

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
LINE_ENDS = {"CRLF": "\r\n", "LF": "\n", "CR": "\r"}


def encoded(text: str, encoding: str = "utf-8") -> BytesIO:
    """A file of this text, with the byte order mark that belongs to `encoding`."""
    codec, mark = ENCODINGS[encoding]
    return BytesIO(mark + text.encode(codec))


def names(text: str | bytes, column: str | None = None) -> list[str | BadLine]:
    """What a file of this content yields."""
    return list(csv_names(BytesIO(text if isinstance(text, bytes) else text.encode()), column))


def numbers(found: Sequence[str | BadLine]) -> list[str | int]:
    """The names, and of each bad line the number."""
    return [item.number if isinstance(item, BadLine) else item for item in found]


def user_names(letters: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Ids and addresses of these letters; none begins with `#`, for an unquoted one would be a comment."""
    plain = letters | st.sampled_from(digits)
    label = st.text(plain, min_size=1, max_size=12)
    local = st.tuples(plain, st.text(plain | st.sampled_from("'+#!._-"), max_size=30)).map("".join)
    domain = st.lists(label, min_size=1, max_size=4).map(".".join)
    return st.uuids().map(str) | st.tuples(local, domain).map("@".join)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", DELIMITERS.values(), ids=DELIMITERS)
@pytest.mark.parametrize("line_end", LINE_ENDS.values(), ids=LINE_ENDS)
def test_encodings_delimiters_and_line_ends(encoding: str, delimiter: str, line_end: str) -> None:
    """The same table comes out of a file however it was saved, with the same line numbers."""
    rows = [
        "# exported by hand",
        "",
        delimiter.join(["Display Name", "User Principal Name", "City"]),
        delimiter.join(["Anna", "anna@contoso.com", "Köln"]),
        delimiter.join([f'"Berg{delimiter} ""Bo""{line_end}#2"', '"bo@contoso.com"', "Malmö"]),
        delimiter.join(["", "", ""]),
        delimiter.join(["Nobody", "nobody", ""]),
        delimiter.join(["Carl", guid(1).upper(), "Zürich"]),
    ]
    found = list(csv_names(encoded(line_end.join(rows), encoding)))
    assert numbers(found) == ["anna@contoso.com", "bo@contoso.com", 8, guid(1)]


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_csv_writes_comes_back(data: st.DataObject) -> None:
    """Names that Python's csv writes come back the same, beside other columns and without a header too."""
    encoding = data.draw(st.sampled_from(list(ENCODINGS)))
    other = LETTERS.get(encoding)
    letters = (
        st.characters(categories=["L"]) if other is None else st.sampled_from(ascii_letters + other)
    )
    written = data.draw(st.lists(user_names(letters), max_size=8))
    beside = st.text(st.sampled_from(' ab,;\t"\n'), max_size=6)
    file = StringIO()
    writer = csv.writer(
        file,
        delimiter=data.draw(st.sampled_from(list(DELIMITERS.values()))),
        lineterminator=data.draw(st.sampled_from(list(LINE_ENDS.values()))),
        quoting=data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    if data.draw(st.booleans()):
        writer.writerow(["Notes", "UserPrincipalName", "City"])
        writer.writerows([data.draw(beside), name, data.draw(beside)] for name in written)
    else:
        writer.writerows([name, "x"] for name in written)
    assert list(csv_names(encoded(file.getvalue(), encoding))) == written


PIECES = [
    b'"',
    b'""',
    b",",
    b";",
    b"\t",
    b"\r",
    b"\n",
    b"\0",
    b"#",
    b" ",
    b"\xff\xfe",
    b"\xe9",
    b"\x81",
]
PIECES += [b"anna@contoso.com", b"UPN", b"mail", b"sep=;", b"sep=", b"\xef\xbb\xbf", b"a\0", b"\0a"]


@given(
    st.binary() | st.lists(st.sampled_from(PIECES)).map(b"".join),
    st.none() | st.sampled_from(["UPN", "", "x"]),
)
@settings(deadline=None)
def test_any_bytes(content: bytes, column: str | None) -> None:
    """No content makes it raise anything but InputError; what comes are names and lines that there are."""
    found: list[str | BadLine] = []
    message = ""
    try:
        found.extend(csv_names(BytesIO(content), column))
    except InputError as error:
        message = str(error)
    assert message.isprintable()
    bad = [item for item in found if isinstance(item, BadLine)]
    lines = [item.number for item in bad]
    assert lines == sorted(set(lines))
    assert all(1 <= line <= content.count(b"\n") + content.count(b"\r") + 1 for line in lines)
    assert all(item.reason.isprintable() for item in bad)
    assert all(user_name(item) == item for item in found if isinstance(item, str))


FAULTS = ["nobody", '"', '"x', '"x"y', "a\0@x.com", "x" * 65_537, '"a\0', f'"{"x" * 65_537}']


@given(
    st.lists(st.uuids().map(str), min_size=1, max_size=130),
    st.sampled_from(FAULTS),
    st.integers(min_value=1),
)
@settings(deadline=None, max_examples=60)
def test_fault_costs_one_line(users: list[str], fault: str, place: int) -> None:
    """A faulty line is reported with its number, and every other line is read, also after a stray quote."""
    place = place % len(users) + 1
    found = numbers(names("\n".join([*users[:place], fault, *users[place:]])))
    assert found == [*users[:place], place + 1, *users[place:]]


@pytest.mark.parametrize(
    "header", [*COLUMNS, "E-Mail", "object id", "USER_PRINCIPAL_NAME", '" Upn "']
)
def test_known_headers(header: str) -> None:
    """A known header names the column, whatever its case, blanks, underscores and hyphens."""
    assert names(f"Name,{header}\nanna,anna@contoso.com\n") == ["anna@contoso.com"]


def test_best_header_counts() -> None:
    """Of several known headers the best counts, not the first; of two that are the same the first."""
    assert names("id,mail,UPN,upn\n1,m@x.com,u@x.com,v@x.com") == ["u@x.com"]


@pytest.mark.parametrize("column", ["Owner", " OWNER", "owner "])
def test_named_column(column: str) -> None:
    """A column that is named counts before any known header."""
    assert names("UPN;Owner\na@x.com;b@x.com", column) == ["b@x.com"]


def test_named_column_that_is_not_there() -> None:
    """The error lists what columns there are, in one line that stays short."""
    with pytest.raises(
        InputError, match=r"^line 2: no column 'Owner': the columns are 'UPN', 'City'$"
    ):
        names("\nUPN;City\na@x.com;b", "Owner")
    wide = ";".join(f"{number:a>1000}" for number in range(60))
    with pytest.raises(InputError, match=r"and 40 more$") as caught:
        names(wide, "Owner")
    assert len(str(caught.value)) < 2_000


def test_without_header_the_first_row_tells() -> None:
    """Without a header the first column that names a user is it, and the first row is data."""
    assert names("1;a@x.com;b@x.com\n2;c@x.com;d@x.com") == ["a@x.com", "c@x.com"]


def test_row_that_names_a_user_is_no_header() -> None:
    """The word `user` beside a name makes no header of a row, so that its user is not lost."""
    assert names("a@x.com,user\nb@x.com,guest") == ["a@x.com", "b@x.com"]


def test_no_column_of_users() -> None:
    """Where nothing tells which column it is, the error lists them and says what would help."""
    with pytest.raises(InputError) as caught:
        names("Name,Phone\nanna,1\n")
    text = str(caught.value)
    assert text.startswith(
        "line 1: no column of users: the columns are 'Name', 'Phone'; understood"
    )
    assert all(name in text for name in (*COLUMNS, "name the column if it is another one"))


def test_lost_header_is_not_guessed_around() -> None:
    """When the header itself is bad, no column is guessed from the data, unless there is but one."""
    with pytest.raises(InputError, match=r"^line 2: a line before it, the header perhaps"):
        names("U\0PN,Manager\na@x.com,b@x.com\n")
    assert numbers(names("U\0PN\na@x.com\n")) == [1, "a@x.com"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("\n \n\t\n,,\n", []),
        ("# nothing\n", []),
        ("\ufeff", []),
        ("UPN", []),
        ("sep=;", []),
        ("sep=;\nUPN;x,y,z\na@x.com;1\n", ["a@x.com"]),
        ('"SEP=|"\r\nName|UPN\r\nx,y|a@x.com\r\n', ["a@x.com"]),
        ("sep=\t\nName\tUPN\nx\ta@x.com", ["a@x.com"]),
        ('#TYPE Selected.User, "x\n"UPN"\n"a@x.com"\n#"b@x.com\n', ["a@x.com"]),
        ('"a;b;c",UPN\nx,a@x.com', ["a@x.com"]),
        ("a@x.com\n\n\n# x\nb\nc@x.com\n", ["a@x.com", 5, "c@x.com"]),
        ('UPN,x\na@x.com,"1\n2\n\n#4"\nb,1\n', ["a@x.com", 6]),
        ('"a\n@x.com",1\nb@x.com,2', "no column of users"),
        ('UPN\n"a\n@x.com"\nb@x.com', [2, "b@x.com"]),
        ("x,UPN\n1\n2,\n3,c@x.com,more\n", [2, 3, "c@x.com"]),
        ('x, UPN\n"1", "a@x.com"\n', ["a@x.com"]),
        ('UPN,x\na@x.com,"1\n2\0"\nb@x.com,1\n', [2, 3, "b@x.com"]),
        ("UPN\n" + "\0" * 30 + "\na@x.com", [2, "a@x.com"]),
        ('UPN\na@x.com\n"b@x.com', ["a@x.com", 3]),
        ("\ufeff\ufeffUPN\na@x.com", ["a@x.com"]),
        ("UPN\na@x.com\n\ufeffb@x.com\n", ["a@x.com", "b@x.com"]),
        ("\ufeff\ufeff", []),
    ],
)
def test_tables(text: str, found: list[str | int] | str) -> None:
    """What each of these files yields: names, and the numbers of bad lines; or the error."""
    if isinstance(found, str):
        with pytest.raises(InputError, match=found):
            names(text)
    else:
        assert numbers(names(text)) == found


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2", "too few columns: 1, and the user is in column 2"),
        ("2, ", "no user in column 2"),
        ("2,bo", "'bo' names no user"),
        ('2,"bo', "an unbalanced quote"),
        ('2,"bo"x', "an unbalanced quote"),
        ("2,b\0", "a NUL character"),
        (f"2,{'b' * 65_535}", "longer than 65,536 characters"),
    ],
)
def test_reasons(row: str, reason: str) -> None:
    """Each fault is told by its own reason."""
    found = names(f"Nr,UPN\n1,a@x.com\n{row}\n")[1]
    assert isinstance(found, BadLine)
    assert found.number == 3
    assert found.reason.startswith(reason)


def test_limits_are_exact() -> None:
    """A line of 65,536 characters and a row of 100 lines are read, one more is not; comments have none."""
    padding = "x" * (65_536 - len("a@x.com,"))
    assert names(f"a@x.com,{padding}\nb@x.com") == ["a@x.com", "b@x.com"]
    assert numbers(names(f"a@x.com\nb@x.com,{padding}x\nc@x.com")) == ["a@x.com", 2, "c@x.com"]
    assert numbers(names('UPN,x\na@x.com,"' + "\n" * 99 + '"')) == ["a@x.com"]
    assert numbers(names('UPN,x\na@x.com,"' + "\n" * 100 + '"')) == [2, 102]
    for size, found in ((32_765, ["a@x.com"]), (32_766, [2, 3])):
        half = "x" * size
        assert numbers(names(f'UPN,x\na@x.com,"{half[4:]}\n{half}"')) == found
    assert names(f"#{padding}{padding}\na@x.com") == ["a@x.com"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a@x.com\r\n\xfc@x.com\r\n\x81@x.com", "line 3: cannot be read as utf-8 or windows-1252"),
        (BOM_UTF8 + b"a@x.com\rb\xff", "line 2: cannot be read as utf-8:"),
        (
            BOM_UTF16_LE + "a@x.com\n\n".encode("utf-16-le") + b"x",
            "line 3: cannot be read as utf-16-le",
        ),
        (BOM_UTF16_BE + b"\xd8\x00\x00a", "line 1: cannot be read as utf-16-be"),
        (
            b"a@x.com\n" * 40_000 + b"\x81\xff",
            "line 40001: cannot be read as utf-8 or windows-1252",
        ),
    ],
)
def test_bytes_that_are_no_text(content: bytes, message: str) -> None:
    """The error gives the line of the bytes that no encoding explains, and nothing is taken before it."""
    with pytest.raises(InputError, match=f"^{message}"):
        next(csv_names(BytesIO(content)))


def test_characters_across_pieces() -> None:
    """Characters and line ends that fall on the border of two pieces stay whole, wherever it falls."""
    for shift in range(4):
        written = ["a" * shift + "@x.com"] * bool(shift) + ["ü€\U00020000@x.com"] * 12_000
        text = "\r\n".join(written)
        for encoding in ("utf-8", "utf-16-be with mark"):
            assert list(islice(csv_names(encoded(text, encoding)), 5_000)) == written[:5_000]


def test_file_is_read_from_its_beginning() -> None:
    """A file that was just written, its position at the end, is read whole, and stays open."""
    file = BytesIO()
    file.write(b"a@x.com\n")
    assert [*csv_names(file), *csv_names(file)] == ["a@x.com", "a@x.com"]
    assert not file.closed


def test_many_lines_take_no_memory() -> None:
    """Of 200,000 lines no more are in memory than one piece of the file has."""
    found = csv_names(BytesIO(b"UPN\n" + b"a@x.com\n#\n" * 100_000))
    next(found)
    before = sys.getallocatedblocks()
    assert sum(1 for _ in islice(found, 99_000)) == 99_000
    assert sys.getallocatedblocks() - before < 10_000


@pytest.mark.parametrize(
    ("piece", "count"),
    [
        (b"x", 2_000_000),
        (b'"', 2_000_000),
        (b"\0", 2_000_000),
        (b",", 2_000_000),
        ("ü".encode(), 1_000_000),
        (b"\n", 20_000),
        (b'"\n', 20_000),
        (b"\r#", 20_000),
        (b"a@x.com\n", 20_000),
        (b'",a@x.com\n' + b"\n" * 99, 200),
    ],
)
def test_hostile_file_takes_little_memory(piece: bytes, count: int) -> None:
    """The same thing repeatedly, with many line ends or none, takes little memory at any time."""
    file = BytesIO(b"UPN,x\n" + piece * count)
    tracemalloc.start()
    try:
        for _ in csv_names(file):
            pass
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_user_name_may_begin_with_a_hash() -> None:
    """K3: such a line is a user and not a comment; comments are skipped, also before the header."""
    text = (
        "# made by hand\nUPN\n#shared.desk@x.example\n# a remark, with a@x.example\nb@x.example\n"
    )
    assert list(csv_names(BytesIO(text.encode()))) == ["#shared.desk@x.example", "b@x.example"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_hash_in_the_first_of_several_columns(separator: str) -> None:
    """K3: whatever separates the fields, with a space before it or without."""
    text = "sep=|\n" if separator == "|" else ""
    for line in ("UPN,Name", "#shared.desk@x.example,Desk", "#other.desk@x.example ,Desk"):
        text += line.replace(",", separator) + "\n"
    found = list(csv_names(BytesIO(text.encode())))
    assert found == ["#shared.desk@x.example", "#other.desk@x.example"]


def test_our_own_csv_is_read_back() -> None:
    """K14: the apostrophe that keeps spreadsheets from taking a name for a formula is not part of it."""
    text = f"user\n{defused('-dash.desk@x.example')}\n"
    assert list(csv_names(BytesIO(text.encode()))) == ["-dash.desk@x.example"]


EXPORTS = {
    "Exchange": "Identity,PrimarySmtpAddress\nAnna Berg,{}\n",
    "Exchange, proxy address": "Name;WindowsEmailAddress\nAnna Berg;SMTP:{}\n",
    "old script": 'DisplayName,SipAddress\nAnna,"sip:{}"\n',
    "Teams": "Display name\tSip address\nAnna\tSIP:{}\n",
    "on-premises directory": "name,msRTCSIP-PrimaryUserAddress\nAnna,sip:{}\n",
    "MSOnline": "DisplayName,Sign-in Name\nAnna,{}\n",
    "admin center": '"Display name","User principal name","Object Id"\n"Anna","{}","1"\n',
    "Entra, invite template": (
        "version:v1.0,\nMember object ID or user principal name [memberObjectIdOrUpn] Required,\n"
        "Example: 9832aad8-e4fe-496b-a604-95c6eF01ae75,\n{},\n"
    ),
    "Entra, create template": (
        "version:v1.0\nName [displayName] Required,User name [userPrincipalName] Required\n"
        "Example: Chris Green,chris@contoso.com\nAnna,{}\n"
    ),
    "Entra, in German, by Excel": (
        "version:v1.0;\r\nName [displayName] Erforderlich;Benutzername [userPrincipalName] Erforderlich\r\n"
        "Anna;{}\r\n"
    ),
}


@pytest.mark.parametrize("text", EXPORTS.values(), ids=EXPORTS)
@pytest.mark.parametrize("marks", [0, 2])
def test_exports_of_microsofts_tools(text: str, marks: int) -> None:
    """K5, K12: lists as Exchange, Teams, Entra and old scripts write them are read, also after two marks."""
    assert names("\ufeff" * marks + text.format("anna@contoso.com")) == ["anna@contoso.com"]


def test_only_the_examples_row_of_a_template_is_skipped() -> None:
    """K12: one that may be a user's is a bad line, and so is an example anywhere else."""
    header = "version:v1.0\nName [displayName],User name [userPrincipalName] Required\n"
    found = names(f"{header}Beispiel: Chris,chris@contoso.com\nExample: Anna,anna@contoso.com\n")
    assert found == [
        BadLine(3, "the template's example, it seems: delete this line"),
        "anna@contoso.com",
    ]
    assert numbers(names("Name,UPN\nExample: Anna,anna@contoso.com\n")) == ["anna@contoso.com"]


@pytest.mark.parametrize(
    "header",
    ["User principal name", "user_principal_name", "User name [userPrincipalName] Required"],
)
def test_named_column_in_another_spelling(header: str) -> None:
    """K13: a column named with `--column` is found as it is without."""
    text = f"mail,{header}\nother@contoso.com,anna@contoso.com\n"
    assert names(text, "UserPrincipalName") == ["anna@contoso.com"]


def test_named_column_that_could_be_several() -> None:
    """K13: the exact spelling wins; where only other spellings fit, and several, none is chosen."""
    text = "User Name,UserName\nbo@contoso.com,anna@contoso.com\n"
    assert names(text, "username") == ["anna@contoso.com"]
    with pytest.raises(InputError, match="line 1: column 'user-name' could be several"):
        names(text, "user-name")


TOLL, FREE = "+15550101", "+18000101"


def users_in(text: str) -> list[CsvUser | BadLine]:
    """What the rows of a file say."""
    return list(csv_users(BytesIO(text.encode())))


@pytest.mark.parametrize("header", ["TollNumber", "tollnumber", " Toll Number ", "TOLL NUMBER"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_each_row_may_have_numbers(header: str, delimiter: str) -> None:
    """In any spelling of a number, marked as text or not; an empty field, or a missing one, is none."""
    rows = [
        ["UPN", header, "TollFreeNumber"],
        ["a@x.example", "'+1 (555) 0101", "tel:+18000101"],
        ["b@x.example", "15550101", ""],
        ["c@x.example", " "],
        ["d@x.example"],
    ]
    assert users_in("\n".join(delimiter.join(row) for row in rows)) == [
        CsvUser(2, "a@x.example", OwnNumbers(TOLL, FREE, 2)),
        CsvUser(3, "b@x.example", OwnNumbers(TOLL, None, 3)),
        CsvUser(4, "c@x.example"),
        CsvUser(5, "d@x.example"),
    ]


def test_a_field_that_is_no_number_is_told_with_line_column_and_value() -> None:
    """The line yields no user: nobody gets another number than the file says."""
    text = f"UPN,TollFreeNumber,TollNumber\na@x.example,,{TOLL}\nb@x.example,,0049 30\n"
    wrong = "'0049 30': a number such as +14255550100 is needed, with its country code"
    assert users_in(text) == [
        CsvUser(2, "a@x.example", OwnNumbers(TOLL, None, 2)),
        BadLine(3, f"column TollNumber: {wrong}"),
    ]
    with pytest.raises(InputError, match="line 1: column TollNumber is there twice"):
        users_in("UPN,TollNumber,toll number\na@x.example,,\n")


@pytest.mark.parametrize("header", ["toll_number", "Toll-Number", "number_before", "ServiceNumber"])
def test_columns_of_other_files_are_no_wish(header: str) -> None:
    """What `acp saved` and the MicrosoftTeams module write is what a user had."""
    assert users_in(f"user,{header}\na@x.example,{TOLL}\n") == [CsvUser(2, "a@x.example")]


def test_a_user_named_twice_has_one_number() -> None:
    """In either case of letters; two different ones are refused with both lines."""
    same = [
        CsvUser(2, "A@x", OwnNumbers(TOLL, None, 2)),
        CsvUser(3, "a@x", OwnNumbers(TOLL, None, 3)),
    ]
    assert own_numbers([*same, CsvUser(4, "a@x")]) == {"a@x": OwnNumbers(TOLL, None, 2)}
    other = CsvUser(5, "a@X", OwnNumbers(TOLL, FREE, 5))
    with pytest.raises(InputError, match=r"^lines 2 and 5 give 'a@X' different numbers: toll"):
        own_numbers([*same, other])
