"""A span of OpenTelemetry around each invocation: `PYLAMBDA_OTEL`. Imported where that asks for it.

The span goes around all middleware, and around the body of a stream. Whatever the function set up counts: its tracer
provider, its propagators (`OTEL_PROPAGATORS`), its sampler. Where it set up no provider there is one made of the
standard variables; that is `tracing_setup`.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from types import AsyncGeneratorType, GeneratorType, TracebackType
from typing import TYPE_CHECKING, Any

from pylambda import names
from pylambda.function.adapt import code_flags
from pylambda.lifecycle import middleware
from pylambda.lifecycle.after import after_response
from pylambda.lifecycle.span_facts import HTTP, Facts, attributes_of_arn, status_of_chunk, status_of_result
from pylambda.lifecycle.tracing_setup import Flush, OpenTelemetry
from pylambda.log.reports import text_of_trace
from pylambda.payload import codec
from pylambda.payload.codec import Stream
from pylambda.payload.streams import PlainStream, close

if TYPE_CHECKING:
    from pylambda.function.context import LambdaContext
    from pylambda.function.handler import Handler
    from pylambda.payload.codec import Chunk, Runner
    from pylambda.payload.streams import InThread
    from pylambda.start.environment import Variables

FIRST_SERVER_ERROR = 500
END: Any = object()


class Tracing:
    """Makes the spans of one process.

    Args:
        environ: the environment.
        before: whether spans leave before the answer does, or after it.

    Raises:
        MissingDependency: OpenTelemetry is not installed, or has no exporter of the kind that is asked for.
    """

    def __init__(self, environ: "Variables", *, before: bool) -> None:
        self.otel = OpenTelemetry(environ)
        self.flush = Flush()
        self.before = before

    def around(self, handler: "Handler", is_async: bool) -> "Handler":
        """Return a handler inside of its middleware and its span.

        Args:
            handler: takes event and context.
            is_async: whether what it returns is awaited, or is an asynchronous generator.

        Raises:
            InvalidHook: middleware and handler are not of one kind.
        """
        inside = middleware.around(handler, is_async)
        if is_async:
            return lambda event, context: _see_through(self._span(event, context), inside, event, context)
        # As the loop does: a generator is a stream where the handler shows the code of one, or may be anything.
        return self._around_sync(inside, streams=bool(code_flags(handler)))

    def _around_sync(self, handler: "Handler", *, streams: bool) -> "Handler":
        def call(event: Any, context: "LambdaContext") -> Any:
            span = self._span(event, context)
            try:
                with span:
                    result = handler(event, context)
            except BaseException:
                span.end()
                raise
            if hasattr(result, "__await__"):  # of an object that did not show that it is asynchronous
                return _see_through(span, lambda event, context: result, event, context)
            if streams and isinstance(result, GeneratorType):
                result = PlainStream(result)
            if isinstance(result, Stream):
                return TracedStream(result, span)
            span.note_status(status_of_result(result))
            span.end()
            return result

        return call

    def _span(self, event: Any, context: "LambdaContext") -> "InvocationSpan":
        return InvocationSpan(self, Facts(event), context)


async def _see_through(span: "InvocationSpan", handler: "Handler", event: Any, context: "LambdaContext") -> Any:
    """Call an asynchronous handler inside of its span."""
    try:
        with span:
            result = handler(event, context)
            if hasattr(result, "__await__"):
                result = await result
    except BaseException:
        await span.end_async()
        raise
    if isinstance(result, (GeneratorType, AsyncGeneratorType)):
        result = PlainStream(result)
    if isinstance(result, Stream):
        return TracedStream(result, span)
    span.note_status(status_of_result(result))
    await span.end_async()
    return result


class InvocationSpan:
    """The span of one invocation. It is the current one while it is entered, which may be several times.

    Args:
        tracing: of the process.
        facts: what the event says.
        context: the handler's.
    """

    def __init__(self, tracing: Tracing, facts: Facts, context: "LambdaContext") -> None:
        otel = tracing.otel
        self._tracing = tracing
        self._context = context
        self._is_http = facts.trigger == HTTP
        self._pid = os.getpid()
        trace_id = {names.XRAY_HEADER: context.trace_id} if context.trace_id else {}
        parent = otel.extract({**facts.headers, **context.w3c(), **trace_id})
        self._span = otel.start_span(
            context.function_name or "invocation",
            parent,
            kind=otel.CONSUMER if facts.is_consumer else otel.SERVER,
            attributes={
                "faas.invocation_id": context.aws_request_id,
                "faas.coldstart": context.is_cold_start,
                "faas.trigger": facts.trigger,
                **attributes_of_arn(context.invoked_function_arn, context.function_version),
                **facts.attributes,
            },
        )
        self._scope = otel.scope_of(self._span, parent)
        self._token: Any = None

    def __enter__(self) -> None:
        self._token = self._tracing.otel.attach(self._scope)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tracing.otel.detach(self._token)
        if error is not None:
            self._span.record_exception(error, attributes={"exception.stacktrace": text_of_trace(error)})
            self._span.set_attribute("error.type", type(error).__qualname__)
            self._span.set_status(self._tracing.otel.ERROR, f"{type(error).__name__}: {error}")

    def note_status(self, status: int | None) -> None:
        """Note the status of an HTTP response; that of a failure of the server is the span's."""
        if status is None or not self._is_http:
            return
        self._span.set_attribute("http.response.status_code", status)
        if status >= FIRST_SERVER_ERROR:
            self._span.set_attribute("error.type", str(status))
            self._span.set_status(self._tracing.otel.ERROR)

    def end(self) -> None:
        """End the span and see to it that it leaves."""
        if not self._is_here:
            return
        self._span.end()
        if self._tracing.before:
            self._tracing.flush(self._context)
        else:
            after_response(self._tracing.flush, self._context)

    async def end_async(self) -> None:
        """Do the same; the event loop goes on while spans leave."""
        if not self._is_here:
            return
        self._span.end()
        if self._tracing.before:
            await asyncio.to_thread(self._tracing.flush, self._context)
        else:
            after_response(asyncio.to_thread, self._tracing.flush, self._context)

    @property
    def _is_here(self) -> bool:
        """Whether this is no child that the handler forked: the invocation, and its span, are its parent's."""
        return os.getpid() == self._pid


class TracedStream(Stream):
    """A stream whose span is the current one wherever its body runs, and ends with it.

    Args:
        stream: the handler's.
        span: the invocation's.
    """

    def __init__(self, stream: Stream, span: InvocationSpan) -> None:
        self.content_type = stream.content_type
        self._stream = stream
        self._span = span
        self._is_new = True

    def chunks(self, runner: "Callable[[], Runner]") -> "Iterator[Chunk]":
        """Yield the chunks as they come."""
        chunks: Any = None
        try:
            while True:
                with self._span:
                    if chunks is None:
                        chunks = self._stream.chunks(runner)
                    chunk = next(chunks, END)
                if chunk is END:
                    return
                self._look_at(chunk)
                yield chunk
                del chunk
        finally:
            with self._span:
                close(chunks)
            self._span.end()

    async def pieces(self, in_thread: "InThread") -> "AsyncGenerator[Chunk, None]":
        """Yield the chunks on an event loop that runs already."""
        pieces: Any = self._stream.pieces(in_thread)
        try:
            while True:
                with self._span:
                    piece = await anext(pieces, END)
                if piece is END:
                    return
                self._look_at(piece)
                yield piece
                del piece
        finally:
            with self._span:
                await pieces.aclose()
            await self._span.end_async()

    def collect(self, runner: "Callable[[], Runner]") -> tuple[bytes, str]:
        """Return all of it at once with its content type."""
        try:
            with self._span:
                body, content_type = self._stream.collect(runner)
            if content_type == names.JSON:
                self._span.note_status(status_of_result(codec.decode(body, None)))
            return body, content_type
        finally:
            self._span.end()

    def _look_at(self, chunk: "Chunk") -> None:
        """Note the status of an HTTP response, which its first chunk has."""
        if self._is_new and chunk:
            self._is_new = False
            self._span.note_status(status_of_chunk(chunk, self.content_type))
