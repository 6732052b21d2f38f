"""Apps of real frameworks behind every front door: what their users do all day works, links and cookies included."""

import contextlib
import gzip
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.conftest import App, served
from tests.web.doors import DOORS, Client, Door, recorded

pytestmark = pytest.mark.needs("web-frameworks")

SHOPS = {
    "fastapi": "asgi:shop_fastapi:app",
    "starlette": "asgi:shop_starlette:app",
    "litestar": "asgi:shop_litestar:app",
    "quart": "asgi:shop_quart:app",
    "django-asgi": "asgi:shop.asgi:application",
    "django-wsgi": "wsgi:shop.wsgi:application",
    "flask": "wsgi:shop_flask:app",
    "falcon-asgi": "asgi:shop_falcon:asgi_app",
    "falcon-wsgi": "wsgi:shop_falcon:wsgi_app",
}
# Falcon's ASGI side looks for its routes in the whole path, mount and all, which no other framework does.
ENV = {"falcon-asgi": {"PYLAMBDA_ROOT_PATH": ""}}
# Litestar logs an exception only where it is told to.
SILENT = ("litestar",)
DOWNLOAD = bytes(range(256)) * 64
TEXT = ("grüner Tee\n" * 500).encode()
BOUNDARY = "----of-the-test"
ORIGIN = "https://shop.example.com"


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, App]]:
    """Every shop that was asked for, each started once for this module."""
    with contextlib.ExitStack() as stack:

        class Started(dict[str, App]):
            def __missing__(self, name: str) -> App:
                folder = tmp_path_factory.mktemp(name)
                self[name] = stack.enter_context(served(folder, SHOPS[name], ENV.get(name)))
                return self[name]

        yield Started()


def shops(*names: str) -> pytest.MarkDecorator:
    """Run a test with these shops, all without any, each behind every front door."""
    pairs = [(shop, door) for shop in (names or SHOPS) for door in DOORS]
    return pytest.mark.parametrize("client", pairs, ids="-".join, indirect=True)


def shops_at_url(*names: str) -> pytest.MarkDecorator:
    """Run a test with these shops behind a function URL alone: where the front door makes no difference."""
    return pytest.mark.parametrize("client", [(shop, "url") for shop in (names or SHOPS)], ids="-".join, indirect=True)


class Shopper(Client):
    """A client of one shop.

    Args:
        shop: the name in `SHOPS`.
        app: that shop, served.
        door: the way there.
    """

    def __init__(self, shop: str, app: App, door: Door) -> None:
        super().__init__(door, app.invoke)
        self.shop = shop
        self.app = app


@pytest.fixture
def client(request: pytest.FixtureRequest, apps: dict[str, App]) -> Shopper:
    shop, door = request.param
    return Shopper(shop, apps[shop], DOORS[door])


@shops()
def test_a_route_with_a_parameter_and_a_query(client: Shopper) -> None:
    query = "b=2&a=1&a=x%26y" if client.door.keeps_repeats else "b=2&a=x%26y"
    answered = client.get(f"/hello/gr%C3%BCn%20tea?{query}")
    assert answered.status == 200
    found = answered.json
    assert found["hello"] == "grün tea"
    expected = [["a", "1"], ["a", "x&y"], ["b", "2"]] if client.door.keeps_repeats else [["a", "x&y"], ["b", "2"]]
    assert sorted(found["query"]) == expected


@shops()
def test_what_is_not_there_is_the_frameworks_own_404(client: Shopper) -> None:
    assert client.get("/nothing").status == 404


@shops()
def test_a_login_and_its_two_cookies(client: Shopper) -> None:
    # Given a login that sets two cookies
    answered = client.get("/login")
    assert answered.status == 200
    assert len(answered.all("set-cookie")) == 2
    # When the client comes again
    found = client.get("/whoami").json
    # Then both are there, the session among them
    assert found == {"user": "ada", "theme": "dark"}


@shops()
def test_an_upload_of_four_megabytes(client: Shopper) -> None:
    content = os.urandom(4_000_000)
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="tee.bin"\r\n'
    body = (
        f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    )
    answered = client.send(
        "POST", "/upload", headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}"}, body=body
    )
    assert answered.status == 200, answered.body
    assert answered.json == {"name": "tee.bin", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


@shops()
def test_a_binary_download(client: Shopper) -> None:
    answered = client.get("/download")
    assert answered.header("content-type") == "application/octet-stream"
    assert answered.body == DOWNLOAD


@shops("starlette", "flask", "django-asgi", "django-wsgi")
def test_a_file(client: Shopper) -> None:
    answered = client.get("/file")
    assert answered.status == 200
    assert "shop.py" in answered.header("content-disposition")
    assert b"shop" in answered.body.splitlines()[0].lower()


@shops("fastapi", "starlette", "litestar", "django-asgi", "django-wsgi")
def test_the_gzip_middleware(client: Shopper) -> None:
    answered = client.get("/text", accept_encoding="gzip")
    assert answered.header("content-encoding") == "gzip"
    assert gzip.decompress(answered.body) == TEXT
    assert client.get("/text", accept_encoding="identity").body == TEXT


@shops(*(shop for shop in SHOPS if shop not in ENV))
def test_a_redirect_to_a_named_route_leads_back_into_the_app(client: Shopper) -> None:
    answered = client.get("/go")
    assert answered.status in (302, 307)
    assert client.follow(answered).json["hello"] == "you"


@shops("fastapi", "starlette", "quart", "django-asgi", "django-wsgi", "flask")
def test_a_redirect_to_the_path_with_a_slash_leads_back_into_the_app(client: Shopper) -> None:
    answered = client.get("/items")
    assert answered.status in (301, 307, 308)
    assert client.follow(answered).json == []


@shops("fastapi")
def test_the_page_of_docs_finds_its_schema(client: Shopper) -> None:
    page = client.get("/docs").body.decode()
    assert f"url: '{client.door.prefix}/openapi.json'" in page
    schema = client.get("/openapi.json").json
    assert "/hello/{name}" in schema["paths"]
    if client.door.prefix:
        assert schema["servers"] == [{"url": client.door.prefix}]


@shops("fastapi", "starlette", "litestar")
def test_cors(client: Shopper) -> None:
    preflight = client.send("OPTIONS", "/hello/you", headers={"origin": ORIGIN, "access-control-request-method": "GET"})
    assert preflight.header("access-control-allow-origin") == ORIGIN
    answered = client.get("/hello/you", origin=ORIGIN)
    assert answered.header("access-control-allow-origin") == ORIGIN
    assert client.get("/hello/you", origin="https://elsewhere.example").all("access-control-allow-origin") == []


@shops_at_url("fastapi", "starlette", "litestar", "quart", "falcon-asgi")
def test_two_invocations_share_what_the_lifespan_opened(client: Shopper) -> None:
    first, second = client.get("/pool").json, client.get("/pool").json
    assert first["pool"] == second["pool"]
    assert (first["queries"], second["queries"]) == (1, 2)


@shops_at_url("fastapi", "starlette", "litestar")
def test_a_background_task_runs_after_the_answer_and_before_the_next_event(client: Shopper, tmp_path: Path) -> None:
    # Given a task that waits for a word of the test's
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    app = client.app
    # When the answer has come
    request_id = app.give(client.event("GET", f"/later?path={fifo}"))
    assert app.answer_to(request_id).json["body"] == '{"answered":true}'
    # Then the task is still at work, and what comes next waits for it
    following = app.give(client.event("GET", "/hello/you"))
    with fifo.open("w") as words:
        words.write(f"the task of {request_id} is done")
    app.answer_to(following)
    assert f"the task of {request_id} is done" in app.log()


@shops()
def test_an_exception_is_a_500_and_one_traceback(client: Shopper) -> None:
    app = client.app
    shop = client.shop
    before = (app.log() + app.stderr()).count("ValueError: boom")
    answered = client.get("/boom")
    assert answered.status == 500
    assert b"boom" not in answered.body
    assert (app.log() + app.stderr()).count("ValueError: boom") == before + (shop not in SILENT)


@shops("fastapi", "starlette", "django-asgi", "django-wsgi", "flask", "quart")
def test_head_has_the_headers_of_get_and_no_body(client: Shopper) -> None:
    answered = client.send("HEAD", "/items/")
    if answered.status != 405:  # FastAPI's routes take no HEAD
        assert answered.header("content-type").startswith("application/json")
    assert answered.body == b""


@pytest.mark.parametrize("client", [("fastapi", "url")], indirect=True, ids="-".join)
def test_a_websocket_apis_event_is_refused(client: Shopper) -> None:
    app = client.app
    for moment in ("connect", "message", "disconnect"):
        answer = app.answer_to(app.give(recorded(f"no-websocket-{moment}")))
        assert answer.endpoint == "error"
        assert f"the event is the {moment.upper()} of a WebSocket API" in answer.json["errorMessage"]


@shops("django-asgi", "django-wsgi")
def test_djangos_admin_asks_for_a_login(client: Shopper) -> None:
    # Given the admin, which sends who is not logged in to its login page
    answered = client.get("/admin/")
    assert answered.status == 302
    page = client.follow(answered)
    # Then the page is there, its form leads back, and ALLOWED_HOSTS knows the client's host
    assert page.status == 200
    assert b'name="csrfmiddlewaretoken"' in page.body
    assert f'action="{client.door.prefix}/admin/login/'.encode() in page.body
    assert "csrftoken" in client.cookies


@shops_at_url("django-asgi", "django-wsgi")
def test_django_refuses_a_host_that_is_not_its_own(client: Shopper) -> None:
    assert client.get("/admin/login/", host="elsewhere.example").status == 400
