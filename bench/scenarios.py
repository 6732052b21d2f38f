"""What is measured: each scenario is a function, an event and a number of invocations; each of its lines a figure.

Sizes are the events' in bytes of JSON. 5.9 MB is just under the platform's limit of 6 MB for an event and an answer.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

OURS = "pylambda"
PEER = "awslambdaric"
PEER_SCRIPT = "awslambdaric, start script"
VERSUS = "other checkout"
BARE = "bare interpreter"
BARE_NO_SITE = "bare interpreter, -I -S"
ECHO = "C echo"
LEAST = "least Python"
# Ours and the official client with another function.
MANGUM = "mangum"
MANGUM_DEFAULT = "mangum, lifespan on"
APIG_WSGI = "apig-wsgi"
UVICORN = "uvicorn on loopback"
PLAIN = "plain handler"
BUFFERED = "a whole response"
ON_PEER = (PEER, MANGUM, MANGUM_DEFAULT, APIG_WSGI)
ON_OURS = (OURS, UVICORN, PLAIN, BUFFERED)
# What `python -m bench --only` calls the cold start in a container, which no scenario describes.
CONTAINER = "container"
# And many at once, which have a load program of their own.
CROWD = "crowd"
SERVE = "serve"

# A line against one of these is one against the other checkout where that takes the official client's place.
SAME = ("", *ON_PEER)
# What bench/web.lock, bench/orjson.lock and bench/msgspec.lock install.
WEB = "web"
ORJSON = "orjson"
MSGSPEC = "msgspec"

RECORD = {"id": 100000, "name": "a pot of tea", "price": 12.5, "tags": ["hot", "green"], "active": True, "parent": None}


def text_event(size: int) -> bytes:
    """An event of exactly `size` bytes that holds one string."""
    frame = len(json.dumps({"text": ""}))
    return json.dumps({"text": ("0123456789abcdef" * (size // 16 + 1))[: size - frame]}).encode()


def records_event(size: int) -> bytes:
    """An event of about `size` bytes, never more, that holds records of mixed values."""
    count = (size - len('{"records": []}')) // len(json.dumps(RECORD) + ", ")
    return json.dumps({"records": [{**RECORD, "id": 100000 + number} for number in range(count)]}).encode()


def request_event(path: str, body: str) -> bytes:
    """What a function URL sends for a POST."""
    host = "abcdefghijklmnopqrstuvwxyz012345.lambda-url.eu-central-1.on.aws"
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "content-length": str(len(body)),
            "content-type": "application/json",
            "host": host,
            "user-agent": "curl/8.9.1",
            "x-amzn-tls-cipher-suite": "TLS_AES_128_GCM_SHA256",
            "x-amzn-tls-version": "TLSv1.3",
            "x-amzn-trace-id": "Root=1-67891234-abcdef012345678912345678",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abcdefghijklmnopqrstuvwxyz012345",
            "domainName": host,
            "domainPrefix": "abcdefghijklmnopqrstuvwxyz012345",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl/8.9.1",
            },
            "requestId": "e1506fd5-9e7b-434f-bd42-4f8fa224b599",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2026:19:04:11 +0000",
            "timeEpoch": 1773342251000,
        },
        "body": body,
        "isBase64Encoded": False,
    }
    return json.dumps(event).encode()


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        measure: a column of `measure.Run`.
        against: the runtime that ours is divided by; empty where our figure stands alone.
        is_difference: whether the other's figure is taken from ours, and not ours divided by it.
    """

    measure: str
    against: str = PEER
    is_difference: bool = False


@dataclass(frozen=True)
class Scenario:
    """One thing that is measured.

    Attributes:
        name: for `--only` and goals.toml.
        title: for people.
        event: the event.
        lines: what is shown of it.
        handler: a function of bench/functions.
        invocations: how many are measured in a run; none for a cold start.
        warm_up: how many come before them.
        runs: how many times each runtime is started.
        pause_us: how long the platform waits before it sends an event.
        apart: whether the platform works on a CPU of its own; else the two share one.
        samples: how many times the resident set is read.
        fails: whether the function is meant to fail.
        environ: more variables.
        needs: a package of the development environment that the function imports, or `WEB` or `ORJSON`, or a shell.
        handlers: the functions of the runtimes that serve another one.
        start: the file that ours is started by, behind the words that start it where it does not do so by itself.
    """

    name: str
    title: str
    lines: tuple[Line, ...]
    event: bytes = field(default=text_event(64), repr=False)
    handler: str = "plain.handler"
    invocations: int = 0
    warm_up: int = 0
    runs: int = 10
    pause_us: int = 0
    apart: bool = False
    samples: int = 0
    fails: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)
    needs: str = ""
    handlers: Mapping[str, str] = field(default_factory=dict)
    start: tuple[str, ...] = ("bootstrap",)

    def handler_of(self, runtime: str) -> str:
        """The function that a runtime serves."""
        return self.handlers.get(runtime, self.handler)

    @property
    def runtimes(self) -> list[str]:
        """Ours, and whatever it is compared with."""
        return list(dict.fromkeys([OURS, *(line.against for line in self.lines if line.against)]))

    def versus(self) -> "Scenario":
        """The same with another checkout in the official client's place, and no others."""
        lines = (replace(line, against=VERSUS if line.against else "") for line in self.lines if line.against in SAME)
        return replace(self, lines=tuple(dict.fromkeys(lines)))

    def quick(self) -> "Scenario":
        """The same with as little as shows that it works."""
        return replace(self, runs=min(self.runs, 2), invocations=-(-self.invocations // 20), warm_up=self.warm_up // 20)


ORDER = json.dumps({"name": "tea", "quantity": 2})
SMALL = (Line("warm_us"), Line("cycle_us"))
LARGE = (Line("trip_us"), Line("cycle_us"), Line("peak_mib"))
EVERYTHING = (
    Line("warm_us"),
    Line("warm_us", ECHO),
    Line("warm_us", LEAST),
    Line("cycle_us"),
    Line("wall_us"),
    Line("cpu_us"),
    Line("cpu_total_ms"),
    Line("peak_mib"),
)

# `/bin/sh` is dash on Debian, and bash in Amazon's base image.
STARTS = (
    ("dash", "dash as /bin/sh", ("dash", "bootstrap")),
    ("bash", "bash as /bin/sh", ("bash", "--posix", "bootstrap")),
    ("straight", "no shell, malloc as it is", ("straight",)),
)

SCENARIOS = (
    Scenario(
        "cold-plain",
        "cold start, plain handler",
        tuple(Line("cold_ms", runtime) for runtime in (PEER, PEER_SCRIPT, BARE, BARE_NO_SITE)),
        runs=60,
    ),
    *(
        Scenario(
            f"cold-{name}",
            f"cold start, {what}",
            (Line("cold_ms", BARE_NO_SITE),),
            runs=60,
            needs=start[0] if len(start) > 1 else "",
            start=start,
        )
        for name, what, start in STARTS
    ),
    Scenario(
        "cold-logging-json",
        "cold start, handler imports logging and json",
        (Line("cold_ms"),),
        handler="imports_logging.handler",
        runs=40,
    ),
    Scenario(
        "cold-boto3",
        "cold start, handler imports boto3",
        (Line("cold_ms"),),
        handler="imports_boto3.handler",
        runs=12,
        needs="boto3",
    ),
    Scenario("64-bytes", "64 B", EVERYTHING, invocations=2000, warm_up=200, runs=15),
    Scenario("64-bytes-paused", "64 B, 1 ms after the last", SMALL, invocations=400, warm_up=50, pause_us=1000),
    Scenario(
        "64-bytes-apart",
        "64 B, platform on another CPU",
        (Line("warm_us"), Line("warm_us", ECHO), Line("warm_us", LEAST), Line("cycle_us")),
        invocations=2000,
        warm_up=200,
        apart=True,
    ),
    Scenario("10-kB-string", "10 kB, a string", SMALL, text_event(10_000), invocations=1000, warm_up=100),
    Scenario("10-kB-records", "10 kB, records", SMALL, records_event(10_000), invocations=1000, warm_up=100),
    Scenario("1-MB-string", "1 MB, a string", LARGE, text_event(1_000_000), invocations=60, warm_up=5),
    Scenario("1-MB-records", "1 MB, records", LARGE, records_event(1_000_000), invocations=20, warm_up=2),
    Scenario("2.9-MB-records", "2.9 MB, records", LARGE, records_event(2_900_000), invocations=10, warm_up=2),
    *(
        Scenario(
            f"2.9-MB-records-{library}",
            f"2.9 MB, records, PYLAMBDA_JSON={library}",
            LARGE,
            records_event(2_900_000),
            invocations=10,
            warm_up=2,
            needs=library,
            environ={"PYLAMBDA_JSON": library},
        )
        for library in (ORJSON, MSGSPEC)
    ),
    Scenario("5.9-MB-string", "5.9 MB, a string", LARGE, text_event(5_900_000), invocations=20, warm_up=2),
    Scenario("5.9-MB-records", "5.9 MB, records", LARGE, records_event(5_900_000), invocations=6, warm_up=1, runs=6),
    Scenario(
        "logs-text", "10 log lines, text", SMALL, handler="logs.handler", invocations=500, warm_up=50
    ),
    Scenario(
        "logs-json",
        "10 log lines, JSON",
        SMALL,
        handler="logs.handler",
        invocations=500,
        warm_up=50,
        environ={"AWS_LAMBDA_LOG_FORMAT": "JSON"},
    ),
    Scenario(
        "raises", "handler raises", SMALL, handler="raises.handler", invocations=500, warm_up=50, fails=True
    ),
    Scenario(
        "web-cold",
        "cold start, FastAPI",
        (Line("cold_ms", MANGUM),),
        handler="asgi:web_fastapi:app",
        runs=12,
        needs=WEB,
        handlers={MANGUM: "web_fastapi_mangum.handler"},
    ),
    Scenario(
        "web-fastapi",
        "FastAPI, a small JSON body",
        (
            Line("warm_us", MANGUM),
            Line("warm_us", MANGUM_DEFAULT),
            Line("warm_us", UVICORN),
            Line("cycle_us", MANGUM),
            Line("cpu_us", MANGUM),
        ),
        request_event("/orders", ORDER),
        handler="asgi:web_fastapi:app",
        invocations=1000,
        warm_up=100,
        needs=WEB,
        handlers={
            MANGUM: "web_fastapi_mangum.handler",
            MANGUM_DEFAULT: "web_fastapi_mangum.default",
            UVICORN: "web_fastapi_uvicorn.handler",
        },
    ),
    Scenario(
        "web-1-MB",
        "FastAPI, 1 MB each way",
        (Line("trip_us", MANGUM),),
        request_event("/echo", text_event(1_000_000).decode()),
        handler="asgi:web_fastapi:app",
        invocations=40,
        warm_up=5,
        needs=WEB,
        handlers={MANGUM: "web_fastapi_mangum.handler"},
    ),
    Scenario(
        "web-flask",
        "Flask, a small JSON body",
        (Line("warm_us", APIG_WSGI), Line("cycle_us", APIG_WSGI)),
        request_event("/orders", ORDER),
        handler="wsgi:web_flask:app",
        invocations=1000,
        warm_up=100,
        needs=WEB,
        handlers={APIG_WSGI: "web_flask_apig.handler"},
    ),
    Scenario(
        "web-adapter",
        "the least ASGI app over a plain handler",
        (Line("warm_us", PLAIN, is_difference=True), Line("warm_us", PLAIN)),
        request_event("/orders", ORDER),
        handler="asgi:web_trivial:app",
        invocations=2000,
        warm_up=200,
        handlers={PLAIN: "web_trivial.handler"},
    ),
    Scenario(
        "web-events",
        "first event of a stream",
        (Line("warm_us", BUFFERED), Line("warm_us", PLAIN)),
        request_event("/events", ORDER),
        handler="asgi:web_trivial:events",
        invocations=400,
        warm_up=50,
        # On one CPU the first event is read when the app next waits.
        apart=True,
        environ={"PYLAMBDA_STREAM": "url"},
        handlers={PLAIN: "web_trivial.handler", BUFFERED: "asgi:web_trivial:app"},
    ),
    Scenario(
        "growth",
        "RSS growth over 50,000 invocations",
        (Line("growth_kib", ""), Line("growth_kib")),
        invocations=50_000,
        warm_up=200,
        runs=1,
        samples=50,
    ),
)  # fmt: skip
