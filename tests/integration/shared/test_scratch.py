"""Rows on the machine's own disk: as in memory, and where no file can be made, there."""

import errno
from collections.abc import Buffer
from io import BytesIO
from pathlib import Path

import pytest

from shared.scratch import scratch
from shared.sorted_rows import SortedRows


@pytest.mark.parametrize("begin", [b"", b"\x07\x07"], ids=["anywhere", "all begin alike"])
def test_rows_in_a_file_are_found_and_leave_nothing(begin: bytes, tmp_path: Path) -> None:
    """More than are written, or read, at once; the file has no name and is closed with the rows."""
    file = scratch(str(tmp_path))
    rows = SortedRows(16, 24, file)
    keys = [(begin + number.to_bytes(3)).ljust(16, b"\x07") for number in range(0, 8_000, 2)]
    assert all(rows.add(key + bytes(8)) for key in keys)
    assert [rows.find(key) for key in keys] == [(at, key + bytes(8)) for at, key in enumerate(keys)]
    other = (begin + (3).to_bytes(3)).ljust(16, b"\x07")
    assert rows.find(other) is None
    assert list(tmp_path.iterdir()) == []
    del rows
    assert file.closed


class FullDisk(BytesIO):
    """A file on a disk that has room for some 100,000 bytes, the last of them in part."""

    def write(self, data: Buffer) -> int:
        """Take what there is room for."""
        if not (room := 100_000 - self.tell()):
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(data)[:room])


def test_when_the_disk_is_full_rows_are_kept_in_memory() -> None:
    """A sweep goes on; what was written before is not lost."""
    disk = FullDisk()
    rows = SortedRows(16, 24, disk)
    keys = [number.to_bytes(16) for number in range(1, 8_000)]
    assert all(rows.add(key + bytes(8)) for key in keys)
    assert [rows.find(key) for key in keys] == [(at, key + bytes(8)) for at, key in enumerate(keys)]
    assert disk.closed, "others have its room"


def test_without_a_folder_rows_are_kept_in_memory(tmp_path: Path) -> None:
    """A machine without room for temporary files sweeps all the same."""
    assert isinstance(scratch(str(tmp_path / "missing")), BytesIO)
