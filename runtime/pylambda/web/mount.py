"""Where an app is mounted: what of the client's path is a stage or a base path, and what is left for the app.

A gateway strips the stage from one kind of event and not from another, and a base path from neither; the client's
browser, which follows the app's links, sees both. No event says it all, so `PYLAMBDA_ROOT_PATH` has the last word.
"""

import re
from typing import Any
from urllib.parse import quote, unquote

from pylambda.web.events import CLIENT_PATH, NOTHING, Shape, at

# What stands in a path as it is: RFC 3986 `pchar` and the slash.
PATH_SAFE = "/-._~!$&'()*+,;=:@"
# What cannot stand in a path that is encoded: what is no visible ASCII, what ends a path, a percent sign by itself.
NOT_ON_THE_WIRE = re.compile("[^!-~]|[?#]|%(?![0-9A-Fa-f]{2})")


def to_wire(path: str) -> str:
    """Return a path that came encoded with what cannot stand in one encoded; the rest stays as it is."""
    return NOT_ON_THE_WIRE.sub(lambda found: quote(found[0]), path)


def mount(event: dict[str, Any], shape: Shape, path: str, root_path: str | None) -> tuple[str, str, str]:
    """Return where the app is mounted, the rest of the path, and both as they go over the wire.

    Args:
        event: of that shape.
        shape: says how the path is spelled.
        path: the event's.
        root_path: what the user says where the app is mounted, empty for nowhere; None where nothing is said.
    """
    wire = quote(path, safe=PATH_SAFE) if shape.path_is_decoded else to_wire(path)
    bare = path if shape.path_is_decoded else unquote(wire)
    outside, inside = ("", "") if shape.mount is NOTHING else _root(event, shape, bare)
    root = outside or inside
    if inside:
        bare, wire = _without(bare, inside), _without_segments(wire, inside)
    if root_path is not None and root_path != root:
        if root_path and _is_below(bare, root_path):
            bare, wire = _without(bare, root_path), _without_segments(wire, root_path)
        root = root_path
    return root, bare or "/", (quote(root, safe=PATH_SAFE) if root else "") + wire


def _root(event: dict[str, Any], shape: Shape, path: str) -> tuple[str, str]:
    """Return what of the mount is outside of the event's path, and what is in it; at most one is anything."""
    context = event.get("requestContext") or {}
    if shape.mount is CLIENT_PATH:
        client_path, own = _collapsed(unquote(str(context.get("path") or ""))), _collapsed(path)
        if own.endswith("/") and not client_path.endswith("/"):
            client_path += "/"
        if client_path != own and client_path.startswith("/") and client_path.endswith(own):
            return client_path.removesuffix(own), ""
        return "", _before_route(event, str(event.get("resource") or ""), path)
    stage = f"/{context.get('stage') or '$default'}"
    if stage != "/$default" and _is_below(path, stage):
        return "", stage
    return "", _before_route(event, str(context.get("routeKey") or "").partition(" ")[2], path)


def _before_route(event: dict[str, Any], route: str, path: str) -> str:
    """Return what stands in the path before the part that the route took, `/{proxy+}` with its parameters filled in."""
    if not route.startswith("/"):
        return ""
    parameters = at(event, ("pathParameters",)) or {}
    filled = []
    for segment in route.strip("/").split("/"):
        is_parameter = segment.startswith("{") and segment.endswith("}")
        value = parameters.get(segment[1:-1].removesuffix("+")) if is_parameter else segment
        if not isinstance(value, str) or (not value and is_parameter):
            return ""
        filled.append(value)
    own, taken = path.rstrip("/"), "/" + "/".join(filled).strip("/")
    # A parameter may come encoded or decoded, and without the slash at the end that the path has.
    for suffix in (taken.rstrip("/"), unquote(taken).rstrip("/")):
        if own.endswith(suffix):
            return own.removesuffix(suffix)
    return ""


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")


def _without(path: str, root: str) -> str:
    return path[len(root) :]


def _without_segments(wire: str, root: str) -> str:
    """Return an encoded path without as many segments as `root` has."""
    start = 0
    for _ in range(root.count("/")):
        start = wire.find("/", start + 1)
        if start < 0:
            return ""
    return wire[start:]


def _collapsed(path: str) -> str:
    while "//" in path:
        path = path.replace("//", "/")
    return path
