"""HTTP/1.1 as bytes. Knows heads and lengths; knows no socket. Chunks, which are rare, are in `chunks`.

The Runtime API is one server that speaks to one client over one connection, so this is the small part of RFC 9112
that it uses.
"""

from _operator import itemgetter

from pylambda import names

HEAD_END = b"\r\n\r\n"
PADDING = " \t"  # of a value, by RFC 9110 section 5.6.3
# A head holds the client context (at most 3583 bytes from the platform) and little else; past this it is no head.
MAX_HEAD_BYTES = 1 << 20
# No event is near it; a length past it is a lie, and room for it might not be had.
MAX_BODY_BYTES = 1 << 30
MAX_LENGTH_DIGITS = 20
# The headers whose values differ from one reply to the next, and one that does and that nobody asks for. All others
# mostly stay the same.
CHANGING = (names.REQUEST_ID, names.DEADLINE_MS, names.TRACE_ID, names.INVOCATION_ID, names.CONTENT_LENGTH)
CHANGING_COUNT = len(CHANGING)
UNHEEDED = (names.DATE,)
# One for each length of a head, which differs with the number of digits in Content-Length and little else.
MAX_TEMPLATES = 16


class ProtocolError(ValueError):
    """Raised when bytes that should be a reply are not one."""


class Template:
    """A head with blanks: what stays the same from one reply of the Runtime API to the next, and where the rest stands.

    Args:
        text: the head that it is taken from.

    Attributes:
        status: the HTTP status.
        has_no_body: whether this status never has one.
        headers: the values by lower-case name, of that head.
        chunked: whether the body comes in chunks.
        last: whether the far side closes the connection after such a reply.
        kept: the values that a reader has taken from `headers`, for the next reply that fits; None until then.

    Raises:
        ProtocolError: the first line is not a status line, or another one no header.
    """

    __slots__ = ("_fixed", "_pick", "chunked", "has_no_body", "headers", "kept", "last", "status")

    def __init__(self, text: str) -> None:
        status_line, *lines = text.split("\r\n")
        try:
            if not status_line.startswith("HTTP/1."):
                raise ValueError
            self.status = int(status_line[9:12])
        except ValueError:
            raise ProtocolError(f"not an HTTP/1.1 status line: {status_line[:80]!r}") from None
        self.headers: dict[str, str] = {}
        places: dict[str, slice] = {}
        begin = len(status_line) + 2
        for line in lines:
            name, colon, padded = line.partition(":")
            if not colon or name[:1] in PADDING:  # RFC 9112 sections 5 and 5.2
                raise ProtocolError(f"not a header: {line[:80]!r}")
            value, end = padded.strip(PADDING), begin + len(line.rstrip(PADDING))
            self.headers[name.lower()] = value
            places[name.lower()] = slice(end - len(value), end)
            begin += len(line) + 2
        self._blanks(text, places)
        self.kept: list[str | None] | None = None
        self.has_no_body = self.status < 200 or self.status in (204, 304)
        connection = self.headers.get(names.CONNECTION, "").lower()
        keeps_open = "keep-alive" in connection or not status_line.startswith("HTTP/1.0")
        self.last = "close" in connection or not keeps_open
        self.chunked = "chunked" in self.headers.get(names.TRANSFER_ENCODING, "").lower()

    def _blanks(self, text: str, places: dict[str, slice]) -> None:
        blanks = [place for name, place in places.items() if name in CHANGING or name in UNHEEDED]
        blanks.sort(key=lambda place: place.start)
        ends = [0, *(place.stop for place in blanks)]
        begins = [*(place.start for place in blanks), len(text)]
        fixed = [slice(end, begin) for end, begin in zip(ends, begins, strict=True)]
        self._fixed = tuple([text[place] for place in fixed])
        # With what is fixed at the end: itemgetter makes a tuple of no less than two.
        absent = slice(0, 0)
        self._pick = itemgetter(*[places.get(name, absent) for name in CHANGING], *fixed)

    def read(self, text: str) -> tuple[str, ...] | None:
        """Return what the blanks hold, by `CHANGING`, empty for absent headers; None where the head does not fit.

        Args:
            text: a head as long as the one that this was taken from.
        """
        parts = self._pick(text)
        if parts[CHANGING_COUNT:] != self._fixed:
            return None
        values = parts[:CHANGING_COUNT]
        together = "".join(values)
        # None of these values has white space in it. Where there is some, it is padding, or the end of a line.
        return None if " " in together or "\t" in together or "\n" in together else values


class Reply:
    """One reply: its status, its headers and, once read, its body.

    Args:
        template: what its head fits.
        changing: the values of the headers `CHANGING`.

    Attributes:
        status: the HTTP status.
        body: empty until it was read.
        body_bytes: the body's length, by the rules of RFC 9112 section 6.3; None where the connection's end ends it.

    Raises:
        ProtocolError: Content-Length is not a number, or past any event's.
    """

    __slots__ = ("body", "body_bytes", "changing", "status", "template")

    def __init__(self, template: Template, changing: tuple[str, ...]) -> None:
        self.template = template
        self.changing = changing
        self.status = template.status
        self.body: bytes | bytearray = b""
        self.body_bytes: int | None = None
        length = changing[-1]
        if template.has_no_body:
            self.body_bytes = 0
        elif length:
            if not (length.isascii() and length.isdigit()):
                raise ProtocolError(f"Content-Length is not a number: {length[:80]!r}")
            if len(length) > MAX_LENGTH_DIGITS or int(length) > MAX_BODY_BYTES:
                raise ProtocolError(f"Content-Length is past {MAX_BODY_BYTES} bytes: {length[:80]}")
            self.body_bytes = int(length)


def read_head(head: bytes, templates: dict[int, Template]) -> Reply:
    """Return the reply that a head begins.

    Args:
        head: the bytes before the blank line.
        templates: of the heads that were read before on this connection, by their length; this one's is added.

    Raises:
        ProtocolError: the first line is not a status line, another one no header, or Content-Length not a number.
    """
    text = head.decode("utf-8", "surrogateescape")
    template = templates.get(len(text))
    changing = template.read(text) if template is not None else None
    if template is None or changing is None:
        template = Template(text)
        if len(templates) == MAX_TEMPLATES:
            templates.clear()
        templates[len(text)] = template
        changing = tuple([template.headers.get(name, "") for name in CHANGING])
    return Reply(template, changing)
