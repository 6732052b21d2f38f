"""Where the Runtime API is: `host:port`, and for two local tools a path behind it."""

from pathlib import Path

import pytest

from tests.contract.raw_api import serving
from tests.contract.runtime_process import Runtime

ECHO = "def handler(event, context):\n    return event\n"


@pytest.mark.parametrize("path", ["/hello", "/.rt/hello/", "/a/b"])
def test_every_request_goes_below_the_path(path: str, tmp_path: Path) -> None:
    app = "def handler(event, context):\n    if event == 2:\n        raise ValueError\n    return event\n"
    with serving(tmp_path, app, path=path) as running:
        peer = running.accept()
        prefix = f"{path.rstrip('/')}/2018-06-01/runtime/invocation"
        for number, ending in ((1, "response"), (2, "error")):
            request = peer.read_request()
            assert request.line == f"GET {prefix}/next HTTP/1.1"
            assert request.headers["host"] == running.address
            peer.reply(200, str(number).encode(), {"Lambda-Runtime-Aws-Request-Id": "id-1"})
            assert peer.read_request().line == f"POST {prefix}/id-1/{ending} HTTP/1.1"
            peer.reply()


def test_a_stream_goes_below_the_path(tmp_path: Path) -> None:
    with serving(tmp_path, "def handler(event, context):\n    yield 'a'\n", path="/hello") as running:
        peer = running.accept()
        peer.read_request()
        peer.reply(200, b"{}", {"Lambda-Runtime-Aws-Request-Id": "id-1"})
        assert peer.read_request().line == "POST /hello/2018-06-01/runtime/invocation/id-1/response HTTP/1.1"


def test_a_failed_start_is_told_below_the_path(tmp_path: Path) -> None:
    with serving(tmp_path, "1 / 0\n", path="/hello") as running:
        peer = running.accept()
        assert peer.read_request().line == "POST /hello/2018-06-01/runtime/init/error HTTP/1.1"


@pytest.mark.parametrize("address", ["127.0.0.1/hello", "127.0.0.1:9001/a b", "127.0.0.1:9001/\u00e9", "/hello"])
def test_what_is_no_address_with_a_path_is_refused_in_one_line(runtime: Runtime, address: str) -> None:
    run = runtime.serve(files={"app.py": ECHO}, env={"AWS_LAMBDA_RUNTIME_API": address})
    assert run.exit_code == 1
    (line,) = run.stderr.splitlines()
    assert line.startswith("pylambda: Runtime.BadEndpoint: AWS_LAMBDA_RUNTIME_API is ")
