"""How much memory processes hold, read from /proc; nothing where there is no /proc."""

import os
from contextlib import suppress

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def peak_mb(pid: int) -> int:
    """Return the most that a process has held so far, 0 where it cannot be known."""
    with suppress(OSError):
        # With each invocation, so without a file object and its lines.
        descriptor = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.read(descriptor, 4096)
        finally:
            os.close(descriptor)
        kib = status.partition(b"VmHWM:")[2].split(None, 1)
        return -(-int(kib[0]) // 1024) if kib else 0
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
