"""The front doors that send HTTP events: what each of them calls things, in one table, and which one sent an event.

    event --shape_of--> Shape --requests.Request--> what an app is asked
    what it answers --results.Response--> the result that the same Shape wants

The table says of each front door where things lie and how they are spelled; one code path reads events and writes
results by it, and the local front reads the table the other way round.

Sources: the fixtures of aws-lambda-rust-runtime, hotsock/voker, aws-lambda-dotnet and localstack, which were recorded
on AWS; Elastic Load Balancing, "Lambda functions as targets"; API Gateway, "Create AWS Lambda proxy integrations";
Lambda, "Invoking Lambda function URLs"; VPC Lattice, "Lambda functions as targets".
"""

from typing import Any

from pylambda.faults import InvalidEvent

Keys = tuple[str, ...]

# How a result carries headers: lists for each name; strings, repeats joined by a comma; the same, and repeats that
# cannot be joined under the name in other casings.
LISTS, JOINED, CASINGS = "lists", "joined", "casings"
# What is known of the path outside the app: nothing, the path as the client wrote it, or the stage inside of it.
NOTHING, CLIENT_PATH, STAGE = "nothing", "client path", "stage"
LAMBDA_LIMIT_BYTES = 6_291_556
ALB_LIMIT_BYTES = 1 << 20
FUNCTION_URL_HOST = ".lambda-url."
WEBSOCKET_EVENTS = ("CONNECT", "MESSAGE", "DISCONNECT")


class Shape:
    """One kind of HTTP event and of the result that answers it.

    Attributes:
        name: short, for settings and tests.
        title: for people.
        method: the keys that lead to the method.
        path: the key of the path.
        path_is_decoded: whether it comes decoded already.
        mount: what the event says of the path's beginning that is not the app's.
        query: the key of the query as it was sent; empty where there are maps.
        single_query: the key of the map that holds one value for a name, the last.
        multi_query: the key of the map that holds lists; empty where there is none.
        query_is_decoded: whether names and values in the maps are decoded.
        multi_headers: the key of the map of headers that holds lists; empty where there is none.
        lists_only: whether that map comes, and goes, in the place of the other.
        cookie_list: whether cookies come and go in a list of their own.
        base64: the key of the flag that says whether the body is base64.
        source_ip: the keys that lead to the client's address; none where only `x-forwarded-for` has it.
        protocol: the keys that lead to the protocol; none where it is not said.
        result_headers: `LISTS`, `JOINED` or `CASINGS`.
        description: whether the result has a `statusDescription`.
        takes_base64: whether base64 is decoded on its way to the client whatever the API's settings are.
        limit_bytes: the most that a result may have.
        stream: the word of `PYLAMBDA_STREAM` that has it streamed; empty where nothing streams.
    """

    method: Keys = ("httpMethod",)
    path: str = "path"
    path_is_decoded: bool = False
    mount: str = NOTHING
    query: str = ""
    single_query: str = "queryStringParameters"
    multi_query: str = "multiValueQueryStringParameters"
    query_is_decoded: bool = False
    multi_headers: str = "multiValueHeaders"
    lists_only: bool = False
    cookie_list: bool = False
    base64: str = "isBase64Encoded"
    source_ip: Keys = ()
    protocol: Keys = ()
    result_headers: str = LISTS
    description: bool = False
    takes_base64: bool = True
    limit_bytes: int = LAMBDA_LIMIT_BYTES
    stream: str = ""

    def __init__(self, name: str, title: str, **facts: Any) -> None:
        self.name = name
        self.title = title
        self.__dict__.update(facts)

    def but(self, name: str, title: str, **facts: Any) -> "Shape":
        """Return another one that differs in these facts."""
        return Shape(**{**self.__dict__, **facts, "name": name, "title": title})


REST = Shape(
    "rest",
    "API Gateway REST API",
    mount=CLIENT_PATH,
    query_is_decoded=True,
    source_ip=("requestContext", "identity", "sourceIp"),
    protocol=("requestContext", "protocol"),
    takes_base64=False,
    stream="rest",
)
HTTP_V1 = REST.but("v1", "API Gateway HTTP API, payload 1.0", takes_base64=True, stream="")
HTTP_V2 = Shape(
    "v2",
    "API Gateway HTTP API, payload 2.0",
    method=("requestContext", "http", "method"),
    path="rawPath",
    path_is_decoded=True,
    mount=STAGE,
    query="rawQueryString",
    multi_query="",
    multi_headers="",
    cookie_list=True,
    source_ip=("requestContext", "http", "sourceIp"),
    protocol=("requestContext", "http", "protocol"),
    result_headers=JOINED,
)
URL = HTTP_V2.but("url", "Lambda function URL", path_is_decoded=False, mount=NOTHING, stream="url")
ALB = Shape(
    "alb",
    "Application Load Balancer",
    result_headers=CASINGS,
    description=True,
    limit_bytes=ALB_LIMIT_BYTES,
)
ALB_MULTI = ALB.but(
    "alb-multi",
    "Application Load Balancer with multi-value headers",
    lists_only=True,
    result_headers=LISTS,
)
LATTICE_V1 = Shape(
    "lattice-v1",
    "VPC Lattice, version 1",
    method=("method",),
    path="raw_path",
    single_query="query_string_parameters",
    multi_query="",
    multi_headers="",
    base64="is_base64_encoded",
    result_headers=CASINGS,
)
LATTICE_V2 = LATTICE_V1.but(
    "lattice-v2",
    "VPC Lattice, version 2.0",
    path="path",
    single_query="queryStringParameters",
    base64="isBase64Encoded",
)
SHAPES = (REST, HTTP_V1, HTTP_V2, URL, ALB, ALB_MULTI, LATTICE_V1, LATTICE_V2)


def shape_of(event: Any) -> Shape | None:
    """Return the shape of an HTTP event; None where it is none.

    Args:
        event: whatever the function was invoked with.

    Raises:
        InvalidEvent: it is an authorizer's or a WebSocket API's, which look like a request and are none.
    """
    if not isinstance(event, dict):
        return None
    context = event.get("requestContext")
    context = context if isinstance(context, dict) else {}
    if "type" in event:
        _refuse_authorizer(event)
    version = event.get("version")
    if version == "2.0":
        return _version_2(context)
    if "elb" in context:
        return ALB_MULTI if "multiValueHeaders" in event else ALB
    if "raw_path" in event and "method" in event:
        return LATTICE_V1
    if context.get("eventType") in WEBSOCKET_EVENTS and "connectionId" in context:
        raise InvalidEvent(
            f"the event is the {context['eventType']} of a WebSocket API, which is no request",
            hint="serve a WebSocket API with a handler of its own, module.function",
            stack=(),
        )
    if "httpMethod" not in event or "path" not in event:
        return None
    return HTTP_V1 if version == "1.0" else REST


def _version_2(context: dict[str, Any]) -> Shape | None:
    if "http" in context:
        return URL if FUNCTION_URL_HOST in (context.get("domainName") or "") else HTTP_V2
    if any(key in context for key in ("serviceNetworkArn", "serviceArn", "targetGroupArn")):
        return LATTICE_V2
    return None


def _refuse_authorizer(event: dict[str, Any]) -> None:
    if event["type"] in ("TOKEN", "REQUEST") and any(
        key in event for key in ("methodArn", "routeArn", "identitySource")
    ):
        raise InvalidEvent(
            "the event asks an authorizer whether a request may pass, it is no request",
            hint="serve the authorizer with a handler of its own, module.function",
            stack=(),
        )


def source_of(event: Any) -> str:
    """Return in words where an event comes from that is no HTTP request."""
    if not isinstance(event, dict):
        return f"it is of type {type(event).__name__}"
    records = event.get("Records")
    record = records[0] if isinstance(records, list) and records else None
    if isinstance(record, dict) and (source := record.get("eventSource") or record.get("EventSource")):
        return f"it comes from {source}"
    for key in ("source", "triggerSource"):
        if event.get(key):
            return f"it comes from {event[key]}"
    keys = ", ".join(map(str, list(event)[:5]))
    return f"its keys are {keys}" if keys else "it is empty"


def at(event: Any, keys: Keys) -> Any:
    """Return what lies at the end of `keys`; None where there are none, or one of them is missing or null."""
    if not keys:
        return None
    for key in keys:
        if not isinstance(event, dict):
            return None
        event = event.get(key)
    return event
