"""What spans need of OpenTelemetry: its API, a tracer provider where the function set up none, and a way out in time.

OpenTelemetry is the function's own, and has no part in this package's types.
"""

import threading
from typing import TYPE_CHECKING, Any

from pylambda import names
from pylambda.faults import MissingDependency

if TYPE_CHECKING:
    from pylambda.function.context import LambdaContext
    from pylambda.start.environment import Variables

# What a collector that is away may take of an invocation where nothing says when that ends.
MAX_FLUSH_MS = 30_000
# Kept of the time that is left, for the answer or the next event; where less is left, half of what is.
FLUSH_MARGIN_MS = 100
DEFAULT_EXPORTER = "otlp"
DEFAULT_PROTOCOL = "http/protobuf"
NO_EXPORTER = "none"
UNKNOWN_SERVICE = "unknown_service"
BYTES_PER_MB = 1 << 20


class OpenTelemetry:
    """The parts of the API that are used for each invocation.

    Args:
        environ: the environment.

    Raises:
        MissingDependency: it is not installed, or has no exporter of the kind that is asked for.
    """

    def __init__(self, environ: "Variables") -> None:
        try:
            from opentelemetry import context, propagate, trace

            if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
                trace.set_tracer_provider(_provider(environ))
        except ImportError as error:
            raise MissingDependency(
                f"{names.OTEL} is {environ.get(names.OTEL)!r}, and OpenTelemetry cannot be imported: {error}",
                hint="install it in the image: pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http",
                stack=(),
            ) from None
        self._tracer = trace.get_tracer("pylambda", names.VERSION)
        self.SERVER, self.CONSUMER = trace.SpanKind.SERVER, trace.SpanKind.CONSUMER
        self.ERROR = trace.StatusCode.ERROR
        self.start_span = self._tracer.start_span
        self.extract = propagate.extract
        self.attach, self.detach = context.attach, context.detach
        self.scope_of = trace.set_span_in_context


def _provider(environ: "Variables") -> Any:
    """Return a tracer provider by OpenTelemetry's own variables, with what is known of the function.

    Raises:
        ImportError: there is no SDK.
        MissingDependency: it has no exporter of the kind that is asked for.
    """
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=_resource(environ))
    for name in (environ.get(names.OTEL_TRACES_EXPORTER) or DEFAULT_EXPORTER).split(","):
        if name.strip() != NO_EXPORTER:
            provider.add_span_processor(BatchSpanProcessor(_exporter(name.strip(), environ)))
    return provider


def _exporter(name: str, environ: "Variables") -> Any:
    from importlib.metadata import entry_points

    entry = name
    if name == DEFAULT_EXPORTER:
        protocol = environ.get(names.OTEL_TRACES_PROTOCOL) or environ.get(names.OTEL_PROTOCOL) or DEFAULT_PROTOCOL
        entry = "otlp_proto_" + protocol.partition("/")[0]
    for found in entry_points(group="opentelemetry_traces_exporter", name=entry):
        return found.load()()
    package = entry.replace("_", "-")
    raise MissingDependency(
        f"OpenTelemetry has no exporter {entry!r} here, which the spans of {names.OTEL} were to go to",
        hint=f"install it (pip install opentelemetry-exporter-{package}), name another one in "
        f"{names.OTEL_TRACES_EXPORTER}, or set a tracer provider in the function's module",
        stack=(),
    )


def _resource(environ: "Variables") -> Any:
    """Return what is known of the function; what OpenTelemetry's own variables say goes before it.

    Source of the names: semantic conventions 1.37, "Function as a Service" and "AWS Lambda".
    """
    from opentelemetry.sdk.resources import Resource

    read = environ.get
    memory_mb = read(names.FUNCTION_MEMORY_SIZE) or ""
    log_group = read(names.LOG_GROUP_NAME)
    known = {
        "service.name": read(names.FUNCTION_NAME),
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": read(names.REGION),
        "faas.name": read(names.FUNCTION_NAME),
        "faas.version": read(names.FUNCTION_VERSION),
        "faas.instance": read(names.LOG_STREAM_NAME),
        "faas.max_memory": int(memory_mb) * BYTES_PER_MB if memory_mb.isdecimal() else None,
        "aws.log.group.names": [log_group] if log_group else None,
    }
    said = Resource.create()
    is_said = {name for name, value in said.attributes.items() if not str(value).startswith(UNKNOWN_SERVICE)}
    return said.merge(Resource({name: value for name, value in known.items() if value and name not in is_said}))


class Flush:
    """Has everything leave that was recorded, spans and metrics, while there is time for it.

    In a thread: the SDK's own `force_flush` takes a timeout and does not keep to it, and a collector may hang. What did
    not leave in time does so with the next flush.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def __call__(self, context: "LambdaContext") -> None:
        """Return when everything has left, or its time is over.

        Args:
            context: of the invocation.
        """
        left_s = _flush_ms(context) / 1000
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(left_s)
            left_s = _flush_ms(context) / 1000
            if self._thread.is_alive():
                return
        self._thread = thread = threading.Thread(target=_force_flush, name="pylambda-flush", daemon=True)
        thread.start()
        thread.join(left_s)


def _force_flush() -> None:
    from opentelemetry import metrics, trace

    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        force = getattr(provider, "force_flush", None)
        if force is not None:  # the API's own provider has none
            force()


def _flush_ms(context: "LambdaContext") -> float:
    if not context._epoch_deadline_time_in_ms:
        return MAX_FLUSH_MS
    left_ms = context.get_remaining_time_in_millis()
    return min(MAX_FLUSH_MS, max(left_ms - FLUSH_MARGIN_MS, left_ms / 2))
