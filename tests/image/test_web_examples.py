"""The examples of docs/web.md: each built from its own Dockerfile, started, and asked through the real emulator.

One Python is enough here: what differs between Pythons the other tests see.
"""

import functools
import hashlib
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from images import facts
from tests.documents import ROOT, blocks
from tests.image.checking import alarms
from tests.image.cli import Container, Docker, Image, command, free_port
from tests.image.conftest import Workshop, emulator_mount, subjects
from tests.image.standin import ROOT as STANDIN_ROOT
from tests.web.doors import DOORS, Client

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(600)]

EXAMPLES = ROOT / "examples"
Example = Callable[..., Container]
Built = Callable[[str], str]


@pytest.fixture(scope="module")
def base(workshop: Workshop) -> Image:
    """The default image of the default Python."""
    wanted = facts.load().default
    found = [subject for subject in subjects() if subject.variant == facts.UNNAMED]
    return workshop.image(next((subject for subject in found if subject.version == wanted), found[0]))


@pytest.fixture(scope="module")
def built(base: Image, docker: Docker) -> Built:
    """The tag of an example, built once."""
    return functools.cache(lambda name: build(name, base, docker))


@pytest.fixture(scope="module")
def example(built: Built, docker: Docker) -> Iterator[Example]:
    """Start an example."""
    before = docker.containers()

    def start(name: str, *arguments: str, **environ: str) -> Container:
        options = [word for key, value in environ.items() for word in ("--env", f"{key}={value}")]
        return docker.start(built(name), *arguments, options=tuple(options))

    yield start
    docker.remove_containers(before)


def build(name: str, base: Image, docker: Docker) -> str:
    """Build an example's own Dockerfile, its FROM an image whose pip finds what it would download in a folder."""
    folder = EXAMPLES / name
    offline = "ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_ROOT_USER_ACTION=ignore"
    first = docker.build(
        f"wheels-{name}", f"FROM {base.tag}\nCOPY wheels /wheels\n{offline}\n", {"wheels": wheels(folder, base)}
    )
    written = re.sub(r"^FROM .*", f"FROM {first}", (folder / "Dockerfile").read_text(), flags=re.MULTILINE)
    files = {path.name: path for path in folder.iterdir() if path.name not in ("Dockerfile", "__pycache__")}
    return docker.build(name, written, files)


def wheels(folder: Path, base: Image) -> Path:
    """What an example asks for, and all that this needs, for the image's Python."""
    requirements = folder / "requirements.txt"
    (wheel,) = [arch.wheel for arch in facts.load().archs if arch.name == base.arch]
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    target = STANDIN_ROOT / ".cache" / "test-wheels" / f"{folder.name}-{digest}-{base.version}-{wheel}"
    if not target.is_dir():
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:")
        where = (f"--platform={wheel}", f"--python-version={base.version}", f"--dest={target}")
        command(*pip, *where, "--requirement", str(requirements))
    return target


def at_url(container: Container) -> Client:
    return Client(DOORS["url"], container.invoke)


@pytest.mark.parametrize("name", ["fastapi", "flask", "django", "sse"])
def test_pylambda_check_has_nothing_to_say_of_it(name: str, built: Built) -> None:
    assert alarms(built(name)) == {}


def test_a_new_web_project_is_built_and_answers_and_pylambda_check_has_nothing_to_say_of_it(
    base: Image, docker: Docker, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a new project that pins what the example pins, where uv finds that
    monkeypatch.chdir(tmp_path)
    command(sys.executable, "-m", "pylambda.local", "new", "greeter", "--web", "fastapi")
    project, example = tmp_path / "greeter", EXAMPLES / "fastapi"
    assert (project / "requirements.txt").read_text() == (example / "requirements.txt").read_text()
    offline = "ENV UV_OFFLINE=1 UV_FIND_LINKS=/wheels"
    first = f"FROM {workshop.sibling(base, 'build').tag}\nCOPY wheels /wheels\n{offline}\n"
    name = f"pylambda-test:new-fastapi-{docker.run_id}"
    docker.tag(docker.build("wheels-new-fastapi", first, {"wheels": wheels(example, base)}), f"{name}-build")
    docker.tag(workshop.sibling(base, "slim").tag, f"{name}-slim")
    # When its image is built from its own Dockerfile
    dockerfile = (project / "Dockerfile").read_text().replace(f"pylambda:{base.version}", name)
    parts = {path.name: path for path in project.iterdir() if path.name in ("app.py", "requirements.txt")}
    tag = docker.build("new-fastapi-app", dockerfile, parts)
    # Then nothing is found in it, and it answers
    assert alarms(tag) == {}
    before = docker.containers()
    client = at_url(docker.start(tag, options=emulator_mount(base.arch)))
    assert client.get("/?name=you").json == {"message": "Hello, you!"}
    docker.remove_containers(before)


def test_fastapi(example: Example) -> None:
    # Given the example, as `docker run` starts it
    container = example("fastapi")
    client = at_url(container)
    # When an order is placed
    body = json.dumps({"id": "A-1", "quantity": 2}).encode()
    placed = client.send("POST", "/orders", headers={"content-type": "application/json"}, body=body)
    # Then it is taken, the next event finds it, a wrong one is told what is wrong, and the receipt was written
    assert (placed.status, placed.json) == (201, {"id": "A-1", "quantity": 2})
    assert client.get("/orders/A-1").json == {"id": "A-1", "quantity": 2}
    assert client.get("/orders/A-2").status == 404
    wrong = client.send("POST", "/orders", headers={"content-type": "application/json"}, body=b'{"id": "A-1"}')
    assert (wrong.status, wrong.json["detail"][0]["loc"]) == (422, ["body", "quantity"])
    assert b"/openapi.json" in client.get("/docs").body
    assert "receipt for A-1" in container.logs()


def test_fastapi_behind_a_stage(example: Example) -> None:
    client = Client(DOORS["rest"], example("fastapi").invoke)
    assert b"url: '/prod/openapi.json'" in client.get("/docs").body
    assert client.get("/openapi.json").json["info"]["title"] == "Orders"


def test_flask(example: Example) -> None:
    client = at_url(example("flask"))
    assert b"You are a stranger." in client.get("/").body
    form = {"content-type": "application/x-www-form-urlencoded"}
    signed = client.send("POST", "/", headers=form, body="name=Zoë".encode())
    assert signed.status == 302
    assert "You are Zoë." in client.follow(signed).body.decode()
    assert client.get("/logo.bin").body == bytes(range(256))


def test_django_its_admin_and_its_health_check(example: Example) -> None:
    # Given the project behind a load balancer, whose health check names no host that Django would allow
    container = example("django", ALLOWED_HOSTS="shop.example.com", PYLAMBDA_HEALTH_PATH="/ping")
    client = Client(DOORS["alb-multi"], container.invoke)
    assert client.get("/hello/you").json == {"hello": "you", "secure": True}
    assert b"csrfmiddlewaretoken" in client.follow(client.get("/admin/")).body
    assert client.get("/hello/you", host="10.0.0.7").status == 400
    assert client.get("/ping", host="10.0.0.7").status == 200


def test_djangos_commands(example: Example) -> None:
    """The same image with another command."""
    container = example("django", "console:manage.py")
    migrated = container.invoke({"args": ["migrate", "--noinput"]})
    assert migrated["exit_code"] == 0
    assert "Applying auth.0001_initial... OK" in migrated["output"]
    assert "Applying auth.0001_initial... OK" in container.logs()
    assert (
        container.invoke("check --fail-level WARNING")["output"] == "System check identified no issues (0 silenced).\n"
    )
    failed = container.invoke({"command": "migrate nothing"})
    assert failed["errorType"] == "Runtime.ConsoleError"
    assert (failed["exit_code"], failed["errorMessage"]) == (1, "manage.py exited with code 1")
    assert "No installed app with label 'nothing'" in failed["output"]


def test_server_sent_events(example: Example) -> None:
    """The emulator streams nothing: the response comes in one piece, and as a function URL would give it."""
    answered = at_url(example("sse")).get("/events?count=2")
    assert answered.status == 200
    assert answered.header("content-type").startswith("text/event-stream")
    assert answered.body == b': begin\n\ndata: {"tick": 0}\n\ndata: {"tick": 1}\n\n'


def test_the_pages_container_commands_work_as_written(base: Image, docker: Docker) -> None:
    # Given the page's lines: build, run, ask, stop
    (block,) = [block for block in blocks(ROOT / "docs" / "web.md") if "docker run" in block.text]
    build_line, run, curl, stop = block.lines
    assert build_line == "docker build -t orders examples/fastapi"
    tag = build("fastapi", base, docker)
    port, name = free_port(), f"pylambda-web-{docker.run_id}"
    # When they are typed, under a name and on a port of this run's own
    words = {"orders": tag, "9000:8080": f"127.0.0.1:{port}:8080"}
    command(*(words.get(word, word) for word in shlex.split(run.replace("--name orders", f"--name {name}"))))
    try:
        Container(name).wait_until_it_answers()
        asked = shlex.split(curl.replace("localhost:9000", f"127.0.0.1:{port}"))
        answer = json.loads(command(*(word.replace("@", f"@{ROOT}/") for word in asked)).out)
    finally:
        command(*shlex.split(stop.replace("orders", name)))
    # Then the app answered: the order lacks its quantity
    assert answer["statusCode"] == 422
    assert json.loads(answer["body"])["detail"][0]["loc"] == ["body", "quantity"]
