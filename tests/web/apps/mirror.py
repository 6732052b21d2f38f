"""Apps that answer with what they were asked, in the words of their own protocol, and one answer of each kind."""

import base64
import gzip
import json
import sys

TEXT = "grüner Tee\n"
# By the last part of the handler's name: status, content type, further headers, body.
ANSWERS = {
    "json": (200, "application/json", [], TEXT.encode()),
    "problem": (422, "application/problem+json", [], b"{}"),
    "svg": (200, "image/svg+xml", [], b"<svg/>"),
    "latin": (200, "text/plain; charset=iso-8859-1", [], TEXT.encode("latin-1")),
    "binary": (200, "application/octet-stream", [], bytes(range(256))),
    "gzip": (200, "text/plain", [("content-encoding", "gzip")], gzip.compress(TEXT.encode(), mtime=0)),
    "headers": (
        200,
        "text/plain",
        [("set-cookie", "a=1"), ("set-cookie", "b=2; Path=/"), ("x-many", "one"), ("x-many", "two")],
        b"",
    ),
    "empty": (204, None, [], b""),
    "redirect": (307, None, [("location", "/elsewhere")], b""),
    "odd": (299, "text/plain", [], b"odd"),
}


def answer_of(headers):
    """The answer that a request's header asks for."""
    return ANSWERS.get(headers.get("x-answer", ""))


async def asgi_app(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError("no lifespan")
    body = (await receive())["body"]
    named = {name.decode(): value.decode() for name, value in scope["headers"]}
    seen = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode("latin-1"),
        "root": scope["root_path"],
        "scheme": scope["scheme"],
        "version": scope["http_version"],
        "client": (scope["client"] or [None])[0],
        "server": list(scope["server"] or ()),
        "headers": sorted([name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]),
        "body": base64.b64encode(body).decode(),
    }
    status, kind, headers, content = answer_of(named) or (200, "application/json", [], json.dumps(seen).encode())
    pairs = [("content-type", kind)] * (kind is not None) + headers
    sent = [(name.encode(), value.encode()) for name, value in pairs]
    await send({"type": "http.response.start", "status": status, "headers": sent})
    await send({"type": "http.response.body", "body": content})


def wsgi_app(environ, start_response):
    headers = {key[5:].lower().replace("_", "-"): value for key, value in environ.items() if key.startswith("HTTP_")}
    seen = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "query": environ["QUERY_STRING"],
        "root": environ["SCRIPT_NAME"],
        "scheme": environ["wsgi.url_scheme"],
        "version": environ["SERVER_PROTOCOL"],
        "client": environ.get("REMOTE_ADDR"),
        "user": environ.get("REMOTE_USER"),
        "server": [environ["SERVER_NAME"], environ["SERVER_PORT"]],
        "type": environ.get("CONTENT_TYPE"),
        "length": environ.get("CONTENT_LENGTH"),
        "headers": sorted(headers.items()),
        "body": base64.b64encode(environ["wsgi.input"].read()).decode(),
    }
    status, kind, more, content = answer_of(headers) or (200, "application/json", [], json.dumps(seen).encode())
    start_response(f"{status} Reason", [("content-type", kind)] * (kind is not None) + more)
    return [content]


def main():
    """Answer the events on standard input with a peer; run by the tests, with the interpreter that has the peers."""
    peer = sys.argv[1]
    if peer == "mangum":
        import mangum

        handler = mangum.Mangum(asgi_app, lifespan="off")
    elif peer == "apig-wsgi":
        import apig_wsgi

        handler = apig_wsgi.make_lambda_handler(wsgi_app, binary_support=True)
    else:
        import serverless_wsgi

        def handler(event, context):
            return serverless_wsgi.handle_request(wsgi_app, event, context)

    results = {}
    for name, event in json.load(sys.stdin).items():
        try:
            results[name] = handler(event, None)
        except Exception as error:
            results[name] = {"raised": type(error).__name__}
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
