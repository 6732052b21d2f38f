"""A client's request through a front door: the event that the function gets, and the response out of its result.

Each door starts from the event that was recorded for it and puts the request in, the way the front door does: what is
decoded, joined or dropped there is decoded, joined or dropped here.
"""

import base64
import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

EVENTS = Path(__file__).parents[1] / "events" / "web"
HOST = "shop.example.com"
# What API Gateway (HTTP APIs), function URLs and load balancers send as text; the rest goes as base64.
TEXT_TYPES = ("text/", "application/json", "application/javascript", "application/xml")

Header = tuple[str, str]


class Asked(NamedTuple):
    """A request as its client makes it.

    Attributes:
        method: in capitals.
        target: path and query as they go over the wire, with what stands before the app's own path.
        headers: names in lower case.
        body: the bytes.
    """

    method: str
    target: str
    headers: Sequence[Header]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        return urlsplit(self.target).query


class Answered(NamedTuple):
    """A response as its client gets it."""

    status: int
    headers: list[Header]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key == name]

    def header(self, name: str) -> str:
        """A header's one value."""
        (value,) = self.all(name)
        return value

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Door(NamedTuple):
    """One front door.

    Attributes:
        name: of it.
        prefix: what the client writes before the app's own path: a stage.
        event: makes the event.
        keeps_repeats: whether a query's repeated names all arrive.
    """

    name: str
    prefix: str
    event: Callable[[Asked], dict[str, Any]]
    keeps_repeats: bool = True


def recorded(name: str) -> dict[str, Any]:
    """Return a recorded event."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def response(result: dict[str, Any]) -> Answered:
    """Return what a front door makes of a result, whichever it is."""
    body = result["body"]
    headers = [(name.lower(), value) for name, value in (result.get("headers") or {}).items()]
    headers += [
        (name.lower(), value) for name, values in (result.get("multiValueHeaders") or {}).items() for value in values
    ]
    headers += [("set-cookie", cookie) for cookie in result.get("cookies", ())]
    content = base64.b64decode(body, validate=True) if result.get("isBase64Encoded") else body.encode()
    return Answered(result["statusCode"], headers, content)


def _rest(asked: Asked) -> dict[str, Any]:
    event = recorded("rest-get")
    path = asked.path.removeprefix("/prod")
    event |= {"path": path, "httpMethod": asked.method, "pathParameters": {"proxy": path.strip("/")}}
    event["requestContext"] |= {"path": asked.path, "httpMethod": asked.method, "stage": "prod"}
    headers = [(name.title(), value) for name, value in asked.headers if name not in ("content-length", "connection")]
    event["headers"] = dict(headers)
    event["multiValueHeaders"] = _lists(headers)
    pairs = parse_qsl(asked.query, keep_blank_values=True)
    event["queryStringParameters"] = dict(pairs) or None
    event["multiValueQueryStringParameters"] = _lists(pairs) or None
    return event | _body(asked, base64_always=True)


def _version_2(name: str, *, decoded: bool) -> Callable[[Asked], dict[str, Any]]:
    def make(asked: Asked) -> dict[str, Any]:
        event = recorded(name)
        event["rawPath"] = unquote(asked.path) if decoded else asked.path
        event["rawQueryString"] = asked.query
        cookies = [value for key, value in asked.headers if key == "cookie"]
        event["cookies"] = [cookie for value in cookies for cookie in value.split("; ")]
        headers = _lists([header for header in asked.headers if header[0] != "cookie" or not decoded])
        event["headers"] = {key: ",".join(values) for key, values in headers.items()}
        event["requestContext"]["http"] |= {"method": asked.method, "path": unquote(asked.path)}
        if decoded:
            event["requestContext"]["stage"] = "dev"
        return event | _body(asked, empty=...)

    return make


def _alb(asked: Asked) -> dict[str, Any]:
    event = recorded("alb-get")
    event |= {"httpMethod": asked.method, "path": asked.path, "headers": dict(asked.headers)}
    event["queryStringParameters"] = dict(_pairs(asked.query))
    return event | _body(asked, empty="")


def _alb_multi(asked: Asked) -> dict[str, Any]:
    event = recorded("alb-multi-get")
    event |= {"httpMethod": asked.method, "path": asked.path, "multiValueHeaders": _lists(asked.headers)}
    event["multiValueQueryStringParameters"] = _lists(_pairs(asked.query))
    return event | _body(asked, empty="")


def _lattice(asked: Asked) -> dict[str, Any]:
    event = recorded("lattice-v2-post")
    event |= {"method": asked.method, "path": asked.path, "headers": _lists(asked.headers)}
    event["queryStringParameters"] = _lists(_pairs(asked.query))
    return event | _body(asked, empty="")


def _pairs(query: str) -> list[Header]:
    """Return names and values as they are, not decoded."""
    split = [pair.partition("=") for pair in query.split("&") if pair]
    return [(name, value) for name, _, value in split]


def _lists(pairs: Sequence[Header]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, value in pairs:
        lists.setdefault(name, []).append(value)
    return lists


def _body(asked: Asked, *, empty: Any = None, base64_always: bool = False) -> dict[str, Any]:
    if not asked.body:
        return {"isBase64Encoded": False} | ({} if empty is ... else {"body": empty})
    headers = dict(asked.headers)
    is_text = headers.get("content-type", "").startswith(TEXT_TYPES) and "content-encoding" not in headers
    if is_text and not base64_always:
        return {"body": asked.body.decode(), "isBase64Encoded": False}
    return {"body": base64.b64encode(asked.body).decode(), "isBase64Encoded": True}


DOORS = {
    door.name: door
    for door in (
        Door("rest", "/prod", _rest),
        Door("http-v2", "/dev", _version_2("http-v2-named-stage", decoded=True)),
        Door("url", "", _version_2("url-encoded-path", decoded=False)),
        Door("alb", "", _alb, keeps_repeats=False),
        Door("alb-multi", "", _alb_multi),
        Door("lattice-v2", "", _lattice),
    )
}


class Client:
    """A browser, as far as the tests need one: it keeps cookies, and knows where the app is mounted.

    Args:
        door: the way its requests take.
        invoke: sends an event to the function and returns the result.
    """

    def __init__(self, door: Door, invoke: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        self.door = door
        self.cookies: dict[str, str] = {}
        self._invoke = invoke

    @property
    def root(self) -> str:
        """The app's address."""
        return f"https://{HOST}{self.door.prefix}"

    def get(self, target: str, **headers: str) -> Answered:
        """GET a path and query of the app."""
        return self.send("GET", target, headers=headers)

    def send(self, method: str, target: str, *, headers: dict[str, str] | None = None, body: bytes = b"") -> Answered:
        """Send a request; names of headers may have underscores for hyphens."""
        answered = response(self._invoke(self.event(method, target, headers=headers, body=body)))
        for cookie in answered.all("set-cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answered

    def event(
        self, method: str, target: str, *, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> dict[str, Any]:
        """Return the event of a request."""
        named = {
            "host": HOST,
            "x-forwarded-proto": "https",
            "x-forwarded-port": "443",
            "x-forwarded-for": "192.0.2.1",
            "accept": "*/*",
            **{name.replace("_", "-"): value for name, value in (headers or {}).items()},
        }
        if self.cookies:
            named["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body or method in ("POST", "PUT"):
            named["content-length"] = str(len(body))
        asked = Asked(method, self.door.prefix + target, list(named.items()), body)
        return copy.deepcopy(self.door.event(asked))

    def follow(self, answered: Answered) -> Answered:
        """GET what a response's location names, which must be the app's."""
        location = answered.header("location")
        where = urlsplit(location)
        if where.netloc:
            assert (where.scheme, where.netloc) == ("https", HOST), location
        target = where.path + (f"?{where.query}" if where.query else "")
        assert target.startswith(f"{self.door.prefix}/"), location
        return self.get(target.removeprefix(self.door.prefix))
