"""The wheel alone in a root as `python:slim` is: CPython in /usr/local, and nothing of Lambda's, nor its variables."""

from pathlib import Path

import pytest

from images import facts
from tests.dist.conftest import build
from tests.documents import ROOT, blocks
from tests.image import standin
from tests.image.cli import Docker
from tests.image.conftest import EMULATOR_PLACE, Subject, Workshop
from tests.image.test_run import AS_LAMBDA_RUNS_IT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(600)]

PAGE = ROOT / "docs" / "migrate.md"
OFFLINE = "PYTHONPATH=/usr/share/standin/pip python -m pip install --no-index"
APP = """\
import os, sys
import pylambda

def handler(event, context):
    return {
        "event": event,
        "runtime": pylambda.__file__,
        "task root": sys.path[0],
        "packages": sorted(name for name in os.listdir(os.path.dirname(os.path.dirname(pylambda.__file__)))),
    }
"""


def test_an_image_of_another_base_answers_with_the_wheel_alone(
    workshop: Workshop, docker: Docker, tmp_path: Path
) -> None:
    # Given the Dockerfile of docs/migrate.md, on a root with a Python of its own whose pip has no index
    base = next((base for base in standin.known() if base.prefix), standin.known()[0])
    (documented,) = [block.text for block in blocks(PAGE) if "/dist" in block.text]
    before, after = documented.split("\n", 1)
    assert before.startswith("FROM python:")
    python = f"RUN ln -s /usr/bin/python{base.version} /usr/local/bin/python"
    name = workshop.base_of(Subject(base.version, facts.UNNAMED, base))
    text = f"FROM {name}\n{python}\n{after.replace('pip install', OFFLINE)}"
    build(tmp_path / "build/dist")
    (tmp_path / "app.py").write_text(APP)
    image = docker.build("installed", text, {"build": tmp_path / "build", "app.py": tmp_path / "app.py"})
    # When the emulator starts the entry point, as Amazon has it for images of other bases
    earlier = docker.containers()
    options = (*AS_LAMBDA_RUNS_IT, "--entrypoint", EMULATOR_PLACE)
    container = docker.start(image, "python", "-m", "pylambda", "app.handler", options=options)
    answer = container.invoke({"n": 1})
    docker.remove_containers(earlier)
    # And without it, where there is no Runtime API
    alone = docker.run(image)
    # Then the function answers, and nothing was installed that it did not ask for
    assert answer["event"] == {"n": 1}
    assert answer["runtime"].endswith("-packages/pylambda/__init__.py")
    assert answer["task root"] == "/function"
    assert [name for name in answer["packages"] if name in ("requests", "awslambdaric", "bootstrap.py")] == []
    assert alone.code == 1
    assert "AWS_LAMBDA_RUNTIME_API" in alone.err
