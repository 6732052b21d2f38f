"""How much memory processes hold, read from /proc; nothing where there is no /proc."""

import os
from contextlib import suppress

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def peak_mb(pid: int) -> int:
    """Return the most that a process has held so far, 0 where it cannot be known."""
    with suppress(OSError), open(f"/proc/{pid}/status", "rb") as file:
        for line in file:
            if line.startswith(b"VmHWM:"):
                return -(-int(line.split()[1]) // 1024)
    return 0


def group_mb(group: int) -> int:
    """Return what the processes of a group hold together, 0 where it cannot be known."""
    pages = 0
    with suppress(OSError):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                # The command, in brackets, may hold spaces and brackets itself.
                fields = file.read().rpartition(b")")[2].split()
                if int(fields[2]) == group:
                    pages += int(fields[21])
    return pages * _PAGE_BYTES // (1 << 20)
