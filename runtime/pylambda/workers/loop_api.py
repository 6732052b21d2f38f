"""The Runtime API on an event loop: the same requests and the same judgement of replies as the client, awaited."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from pylambda import names
from pylambda.faults import TransportError
from pylambda.payload.streams import to_bytes
from pylambda.runtime_api.again import DELAYS_S, hung_up
from pylambda.runtime_api.client import RuntimeApi, parse_endpoint, unexpected_status
from pylambda.runtime_api.invocation import Invocation
from pylambda.runtime_api.response_stream import ClientGone, ResponseStream, State
from pylambda.runtime_api.wire import ProtocolError, Reply
from pylambda.workers.link import Link

if TYPE_CHECKING:
    from pylambda.log.failures import Failure
    from pylambda.payload.codec import Chunk
    from pylambda.runtime_api.invocation import Addressed


class LoopApi(RuntimeApi):
    """One client of the Runtime API, for one task: `take` an invocation, `give` its answer.

    Args:
        endpoint: of the Runtime API.
        warn: takes one line about a request that was refused but does not end the run.

    Raises:
        NotInLambda, BadEndpoint: see `RuntimeApi`.
    """

    def __init__(self, endpoint: str, warn: Callable[[str], None]) -> None:
        super().__init__(endpoint, warn)
        self._host, self._port = parse_endpoint(endpoint)[:2]
        self._link = Link()
        self.has_asked = False  # for an event along with an answer: the platform counts on it

    async def take(self) -> Invocation:
        """Wait for the next invocation. Raises what `RuntimeApi.next` raises."""
        reply = await self._read_ahead() or await self._exchange(self._next_request)
        if reply.status != 200:
            self._link.close()  # as `RuntimeApi.next` does, and for its reason
            raise unexpected_status("GET " + names.NEXT_PATH, reply)
        return Invocation(reply)

    async def give(self, invocation: Invocation, body: bytes, content_type: str, *, ask_next: bool) -> None:
        """Answer with a result. Raises what `RuntimeApi.respond` raises."""
        self.respond(invocation, body, content_type, ask_next=ask_next)
        await self._give_what_waits()

    async def give_failure(self, invocation: Invocation, failure: "Failure", *, ask_next: bool) -> None:
        """Answer with an error. Raises what `RuntimeApi.fail` raises."""
        self.fail(invocation, failure, ask_next=ask_next)
        await self._give_what_waits()

    async def give_stream(
        self,
        invocation: Invocation,
        pieces: "AsyncIterator[Chunk]",
        content_type: str,
        *,
        report_on: "Callable[[BaseException], Failure]",
    ) -> None:
        """Answer piece by piece: each leaves before the next one is asked for.

        Args:
            invocation: what is answered.
            pieces: `bytes` or `str`; empty ones are left out. Closed at the end, or when the client goes away.
            content_type: the body's.
            report_on: makes what the platform is told of what `pieces` raises.

        Raises:
            UnexpectedStatus: the reply's status ends the run.
        """
        stream = ResponseStream(self._stream_head(invocation, content_type), self)
        try:
            async for piece in pieces:
                if chunk := to_bytes(piece):
                    await self._open_for(stream)
                    stream.write(chunk)
                    await self._link.drained()
            await self._open_for(stream)
            stream.finish()
        except ClientGone:
            pass  # `gone` says why
        except BaseException as error:
            failure = report_on(error)
            if stream.state is State.AWAITING:
                await self.give_failure(invocation, failure, ask_next=False)
                return
            stream.fail(failure)
        finally:
            await pieces.aclose()  # type: ignore[attr-defined]
        await self._conclude_on_loop(invocation, stream)

    def begin(self, first: bytes) -> None:
        """Send the beginning of a request whose rest is not there yet. Raises TransportError."""
        self._send(first)

    def go_on(self, head: bytes, body: bytes = b"", tail: bytes = b"") -> None:
        """Send more of it. Raises TransportError where the far side has closed, or answered already."""
        if self._link.has_spoken:
            raise TransportError("the far side closed the connection, or answered before the end")
        self._send(head, body, tail)

    def drop(self) -> None:
        """Close the connection."""
        self._link.close()

    def _answer(self, kind: str, headers: str, invocation: "Addressed", body: bytes, ask_next: bool) -> None:
        """Take an answer from `respond` or `fail`, which would wait for its reply here."""
        self._answer_waits = kind, headers, invocation, body, ask_next

    async def _give_what_waits(self) -> None:
        kind, headers, invocation, body, ask_next = self._answer_waits
        head = self._answer_head(kind, headers, invocation, body)
        try:
            reply = await self._exchange(head, body, self._next_request if ask_next else b"")
        except TransportError as fault:
            self._lost(invocation, body, fault)
            return
        self._judge(kind, invocation, reply)

    async def _conclude_on_loop(self, invocation: Invocation, stream: ResponseStream) -> None:
        try:
            reply = await self._link.reply()
        except (OSError, ProtocolError) as error:
            stream.say_broken_off(self._warn, invocation.request_id, error)
        else:
            self._judge("response", invocation, reply)
        finally:
            self._link.close()

    async def _open_for(self, stream: ResponseStream) -> None:
        if stream.state is State.AWAITING and not self._link.is_open:
            try:
                await self._connect()
            except OSError as error:
                raise self._fault(b"a streamed response", error) from None

    def _send(self, *parts: bytes) -> None:
        try:
            self._link.send([part for part in parts if part])
        except ConnectionError as error:
            raise TransportError(str(error)) from None

    async def _read_ahead(self) -> Reply | None:
        if not self.has_asked:
            return None
        self.has_asked = False
        try:
            return await self._link.reply()
        except ConnectionError:
            return None
        except (OSError, ProtocolError) as error:
            raise self._fault(b"a request sent ahead", error) from None

    async def _exchange(self, head: bytes, body: bytes = b"", ahead: bytes = b"") -> Reply:
        """Send a request and wait for its reply; on a new connection where the open one turns out to be closed."""
        try:
            if self._link.is_open:
                try:
                    return await self._exchange_once(self._link, head, body, ahead)
                except ConnectionError:
                    pass
            return await self._exchange_anew(head, body, ahead)
        except (OSError, ProtocolError) as error:
            raise self._fault(head, error) from None

    async def _exchange_anew(self, head: bytes, body: bytes, ahead: bytes) -> Reply:
        """Exchange on a new connection, or on another one where the far side hangs up; see `runtime_api.again`."""
        for delay_s in DELAYS_S:
            try:
                return await self._exchange_once(await self._connect(), head, body, ahead)
            except ConnectionError as error:
                if not hung_up(error):
                    raise
            await asyncio.sleep(delay_s)
        return await self._exchange_once(await self._connect(), head, body, ahead)

    async def _exchange_once(self, link: Link, head: bytes, body: bytes, ahead: bytes) -> Reply:
        self.has_asked = bool(ahead)
        link.send([part for part in (head, body, ahead) if part])
        return await link.reply()

    async def _connect(self) -> Link:
        self._link.close()
        loop = asyncio.get_running_loop()
        _, self._link = await loop.create_connection(Link, self._host, self._port)
        return self._link

    def _fault(self, head: bytes, error: Exception) -> TransportError:
        self._link.close()
        request = head.partition(b" HTTP/1.1\r\n")[0].decode(errors="replace")
        return TransportError(f"{request} to the Runtime API at {self._host}:{self._port} failed: {error}")
