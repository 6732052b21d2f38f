"""What a native extension needs of the machine and of its C library, read from its header and its dynamic section.

Of a file that may be a hundred megabytes only the headers, the dynamic section and the names of versions are read.

Source: https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html, and for versions
https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/symversion.html
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = b"\x7fELF"
# What programs and libraries of macOS begin with, for one machine and for several.
MACH_O = (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
# e_machine, by Lambda's names where it has one.
MACHINES = {62: "x86_64", 183: "arm64", 3: "i386", 40: "arm", 21: "ppc64", 22: "s390x", 243: "riscv"}
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_VERNEED, DT_VERNEEDNUM = 1, 5, 10, 0x6FFFFFFE, 0x6FFFFFFF
# No file of ours or of anybody's has more; one that says so is broken.
MOST_ENTRIES = 10_000
MOST_NAMES = 16_000_000


@dataclass(frozen=True)
class Elf:
    """A program or a library.

    Attributes:
        machine: Lambda's name of the architecture, or the number that stands there; `macOS` of what is not for Linux.
        needed: the libraries that it names.
        glibc: the newest version of glibc that a symbol of it has, such as (2, 28); None where it names none.
    """

    machine: str
    needed: tuple[str, ...] = ()
    glibc: tuple[int, ...] | None = None

    @property
    def libc(self) -> str:
        """`glibc`, `musl`, or empty where it says neither."""
        if any(name.startswith("libc.musl-") or name == "libc.so" for name in self.needed):
            return "musl"
        return "glibc" if self.glibc or "libc.so.6" in self.needed else ""


@dataclass(frozen=True)
class _Layout:
    """Where numbers stand in a file of one class and byte order."""

    stream: BinaryIO
    order: str
    wide: bool
    segments: list[tuple[int, int, int, int]]

    def at(self, address: int) -> int:
        """Return where in the file an address is."""
        for kind, offset, start, size in self.segments:
            if kind == PT_LOAD and start <= address < start + size:
                return offset + address - start
        raise ValueError("an address outside of the file")

    def read(self, offset: int, form: str) -> tuple[int, ...]:
        self.stream.seek(offset)
        return struct.unpack(self.order + form, self.stream.read(struct.calcsize(self.order + form)))


def read(stream: BinaryIO) -> Elf | None:
    """Return what a file says of itself, None where it is neither an ELF file nor macOS's kind of one.

    Args:
        stream: the file; it can seek.

    Raises:
        ValueError: it begins as one and goes on as none.
    """
    ident = stream.read(16)
    if ident.startswith(MACH_O):
        return Elf("macOS")
    if len(ident) < 16 or not ident.startswith(MAGIC):
        return None
    try:
        return _read(stream, ident)
    except (struct.error, IndexError, OverflowError, OSError) as error:
        raise ValueError(f"a broken ELF file: {error}") from error


def _read(stream: BinaryIO, ident: bytes) -> Elf:
    wide, order = ident[4] == 2, "<" if ident[5] == 1 else ">"
    head = _Layout(stream, order, wide, [])
    (machine,) = head.read(18, "H")
    name = MACHINES.get(machine, f"machine {machine}")
    (table,) = head.read(32, "Q") if wide else head.read(28, "I")
    entry_size, count = head.read(54 if wide else 42, "HH")
    segments = []
    for number in range(count):
        place = table + number * entry_size
        if wide:
            kind, _flags, offset, address, _physical, size = head.read(place, "IIQQQQ")
        else:
            kind, offset, address, _physical, size = head.read(place, "IIIII")
        segments.append((kind, offset, address, size))
    layout = _Layout(stream, order, wide, segments)
    dynamic = [(offset, size) for kind, offset, _address, size in segments if kind == PT_DYNAMIC]
    return _dynamic(layout, name, *dynamic[0]) if dynamic else Elf(name)


def _dynamic(layout: _Layout, machine: str, offset: int, size: int) -> Elf:
    form, step = ("qQ", 16) if layout.wide else ("iI", 8)
    needed, values = [], {}
    for place in range(offset, offset + min(size, MOST_ENTRIES * step), step):
        tag, value = layout.read(place, form)
        if tag == 0:
            break
        if tag == DT_NEEDED:
            needed.append(value)
        values[tag] = value
    if DT_STRTAB not in values:
        return Elf(machine)
    layout.stream.seek(layout.at(values[DT_STRTAB]))
    names = layout.stream.read(min(values.get(DT_STRSZ, 0), MOST_NAMES))
    versions = _versions(layout, names, values) if DT_VERNEED in values else []
    newest = max((version for version in versions if version), default=None)
    return Elf(machine, tuple(_name(names, value) for value in needed), newest)


def _versions(layout: _Layout, names: bytes, values: dict[int, int]) -> list[tuple[int, ...]]:
    """Return the numbers of every `GLIBC_` version that is needed."""
    found = []
    place = layout.at(values[DT_VERNEED])
    for _ in range(min(values.get(DT_VERNEEDNUM, 0), MOST_ENTRIES)):
        _version, count, _file, first, following = layout.read(place, "HHIII")
        entry = place + first
        for _ in range(count):
            _hash, _flags, _other, name, after = layout.read(entry, "IHHII")
            label = _name(names, name)
            if label.startswith("GLIBC_2."):
                found.append(glibc_version(label.removeprefix("GLIBC_")))
            if not after:
                break
            entry += after
        if not following:
            break
        place += following
    return found


def glibc_version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version, none where it has a word in it."""
    parts = text.split(".")
    return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()


def _name(names: bytes, start: int) -> str:
    return names[start : names.index(b"\0", start)].decode(errors="replace")
