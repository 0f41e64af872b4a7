"""Peak memory and CPU time of a process, from Linux's /proc."""

import os
from pathlib import Path

_RESET_PEAK = "5"
"""Written to clear_refs: resets the peak to the current size (man 5 proc)."""

_UTIME, _STIME = 11, 12
"""Fields of /proc/PID/stat counted after the closing bracket of the command's name."""


def reset_peak(pid: int) -> None:
    """Reset the peak of resident memory."""
    Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK, encoding="ascii")


def peak_mb(pid: int) -> float:
    """Peak of resident memory (VmHWM) in MB (10^6 bytes) since the start or the last reset."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(f"process {pid} has no VmHWM")


def cpu_seconds(pid: int) -> float:
    """CPU time, user and system, of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[_UTIME]) + int(fields[_STIME])) / os.sysconf("SC_CLK_TCK")
