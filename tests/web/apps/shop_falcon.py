"""The shop in Falcon, both forms: `asgi_app` and `wsgi_app`."""

import hashlib

import falcon
import falcon.asgi

DOWNLOAD = bytes(range(256)) * 64


def hello_of(req, name):
    query = [[key, value] for key in req.params for value in req.get_param_as_list(key)]
    return {"hello": name, "query": query}


def log_in(resp):
    resp.set_cookie("user", "ada", secure=False)
    resp.set_cookie("theme", "dark", secure=False)
    resp.media = {}


def who(req):
    return {name: (req.get_cookie_values(name) or [None])[0] for name in ("user", "theme")}


class Hello:
    def on_get(self, req, resp, name):
        resp.media = hello_of(req, name)


class Login:
    def on_get(self, req, resp):
        log_in(resp)


class WhoAmI:
    def on_get(self, req, resp):
        resp.media = who(req)


class Upload:
    def on_post(self, req, resp):
        for part in req.get_media():
            content = part.stream.read()
            resp.media = {"name": part.filename, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


class Download:
    def on_get(self, req, resp):
        resp.content_type = "application/octet-stream"
        resp.data = DOWNLOAD


class Text:
    def on_get(self, req, resp):
        resp.content_type = "text/plain; charset=utf-8"
        resp.text = "grüner Tee\n" * 500


class Go:
    def on_get(self, req, resp):
        raise falcon.HTTPFound(f"{req.prefix}/hello/you")


class Boom:
    def on_get(self, req, resp):
        raise ValueError("boom")


class AsyncHello:
    async def on_get(self, req, resp, name):
        resp.media = hello_of(req, name)


class AsyncLogin:
    async def on_get(self, req, resp):
        log_in(resp)


class AsyncWhoAmI:
    async def on_get(self, req, resp):
        resp.media = who(req)


class AsyncUpload:
    async def on_post(self, req, resp):
        async for part in await req.get_media():
            content = await part.stream.read()
            resp.media = {"name": part.filename, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


class AsyncDownload:
    async def on_get(self, req, resp):
        Download().on_get(req, resp)


class AsyncText:
    async def on_get(self, req, resp):
        Text().on_get(req, resp)


class AsyncGo:
    async def on_get(self, req, resp):
        Go().on_get(req, resp)


class AsyncBoom:
    async def on_get(self, req, resp):
        raise ValueError("boom")


class Pool:
    def __init__(self):
        self.pool = None

    async def process_startup(self, scope, event):
        self.pool = {"queries": 0}

    async def on_get(self, req, resp):
        self.pool["queries"] += 1
        resp.media = {"pool": id(self.pool), "queries": self.pool["queries"]}


def routed(app, hello, login, whoami, upload, download, text, go, boom):
    app.req_options.keep_blank_qs_values = True
    app.add_route("/hello/{name}", hello)
    app.add_route("/login", login)
    app.add_route("/whoami", whoami)
    app.add_route("/upload", upload)
    app.add_route("/download", download)
    app.add_route("/text", text)
    app.add_route("/go", go)
    app.add_route("/boom", boom)
    return app


pool = Pool()
wsgi_app = routed(falcon.App(), Hello(), Login(), WhoAmI(), Upload(), Download(), Text(), Go(), Boom())
asgi_app = routed(
    falcon.asgi.App(middleware=[pool]),
    AsyncHello(),
    AsyncLogin(),
    AsyncWhoAmI(),
    AsyncUpload(),
    AsyncDownload(),
    AsyncText(),
    AsyncGo(),
    AsyncBoom(),
)
asgi_app.add_route("/pool", pool)
for app in (wsgi_app, asgi_app):
    app.resp_options.secure_cookies_by_default = False
# The form's parts are held in memory; the default ends at 1 MB.
for handlers in (wsgi_app.req_options.media_handlers, asgi_app.req_options.media_handlers):
    handlers[falcon.MEDIA_MULTIPART].parse_options.max_body_part_buffer_size = 8 << 20
