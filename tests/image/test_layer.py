"""`pylambda build --layer`: Python and the runtime in /opt of a base that has neither, as `provided.al2023` does."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from images import facts
from tests.image import standin
from tests.image.cli import Docker, Image
from tests.image.conftest import EMULATOR_PLACE, Subject, Workshop
from tests.image.test_run import AS_LAMBDA_RUNS_IT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.timeout(600)]

PYLAMBDA = Path(sys.executable).with_name("pylambda")
# The one whose Python is Debian's: in /usr, as Amazon's is, with libraries of its own.
VERSION = "3.13"
MOST_BYTES = 250 * 1024 * 1024
# Without a Python, and without any library that the layer has: what answers then has all that it needs.
BARE = """\
FROM {base}
COPY names /names
RUN rm -rf /usr/bin/python3* /usr/lib/python3* /usr/local/lib/python3* \\
    && for name in $(cat /names); do find / -xdev -name "$name*" -delete; done
"""
# As Lambda sets them.
ALWAYS = {
    "PATH": "/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "LAMBDA_TASK_ROOT": "/var/task",
    "LAMBDA_RUNTIME_DIR": "/var/runtime",
}
APP = """\
import bz2, ctypes, hashlib, lzma, os, sqlite3, ssl, subprocess, sys, uuid, zlib
import requests

def handler(event, context):
    words = ["python3", "-c", "import pylambda; print(pylambda.__file__)"]
    child = subprocess.run(words, capture_output=True, text=True)
    byte_code = [os.path.exists(module.__cached__) for module in (ssl, subprocess, requests)]
    return {
        "event": event,
        "prefix": sys.prefix,
        "program": sys.executable,
        "ssl": ssl.create_default_context().cert_store_stats()["x509_ca"],
        "sqlite": sqlite3.connect(":memory:").execute("select 1").fetchall(),
        "byte code": byte_code,
        "execution_env": os.environ["AWS_EXECUTION_ENV"],
        "child": child.stdout.strip(),
    }

async def waiting(event, context):
    return event
"""


class Layer(NamedTuple):
    """The layer, unpacked, what was said, and a base without a Python."""

    zip: Path
    said: str
    opt: Path
    bare: str


@pytest.fixture(scope="module")
def slim(workshop: Workshop, docker: Docker) -> Image:
    """The default variant by the slim one's name: for a layer they are the same, and this one is there."""
    base = next(base for base in standin.known() if base.version == VERSION)
    image = workshop.image(Subject(VERSION, facts.UNNAMED, base))
    docker.tag(image.tag, f"pylambda-test:layer-{docker.run_id}-slim")
    return image


@pytest.fixture(scope="module")
def layer(slim: Image, docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Layer:
    folder = tmp_path_factory.mktemp("layer")
    folder.chmod(0o755)
    words = ("--layer", "--python", VERSION, "--base", f"pylambda-test:layer-{docker.run_id}", "--outdir", folder)
    done = subprocess.run((PYLAMBDA, "build", *words), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    target = folder / f"pylambda-layer-{VERSION}-{slim.arch}.zip"
    with zipfile.ZipFile(target) as archive:
        for member in archive.infolist():
            Path(archive.extract(member, folder / "opt")).chmod(member.external_attr >> 16)
    libraries = folder / "names"
    libraries.write_text("".join(f"{path.name}\n" for path in (folder / "opt/lib").glob("*.so*")))
    return Layer(
        target, done.stdout, folder / "opt", docker.build("bare", BARE.format(base=slim.base), {"names": libraries})
    )


@pytest.mark.parametrize(("handler", "kind"), [("app.handler", "plain"), ("app.waiting", "async")])
def test_a_function_in_a_zip_answers_on_a_base_without_a_python(
    handler: str, kind: str, layer: Layer, docker: Docker, tmp_path: Path
) -> None:
    # Given a function's folder and the layer, on a base that has no Python and none of the layer's libraries
    tmp_path.chmod(0o755)
    (tmp_path / "app.py").write_text(APP)
    options = [word for name, value in {**ALWAYS, "_HANDLER": handler}.items() for word in ("--env", f"{name}={value}")]
    options += [
        "--volume",
        f"{layer.opt}:/opt:ro",
        "--volume",
        f"{tmp_path}:/var/task:ro",
        "--entrypoint",
        EMULATOR_PLACE,
    ]
    # When the emulator looks for a bootstrap, as Lambda does
    container = docker.start(layer.bare, options=(*AS_LAMBDA_RUNS_IT, *options))
    answer = container.invoke({"n": 1})
    docker.remove_containers()
    # Then it answers
    if kind == "async":
        assert answer == {"n": 1}
        return
    assert answer["event"] == {"n": 1}
    assert (answer["prefix"], answer["program"]) == ("/opt", "/opt/bin/python3")
    assert answer["execution_env"] == f"AWS_Lambda_python{VERSION}"
    assert answer["child"] == "/opt/pylambda/pylambda/__init__.py"
    # And has certificates, a database, and byte code for all
    assert answer["ssl"] > 100
    assert answer["sqlite"] == [[1]]
    assert answer["byte code"] == [True, True, True]


def test_the_layer_fits_and_says_what_it_weighs(layer: Layer, slim: Image) -> None:
    with zipfile.ZipFile(layer.zip) as archive:
        names = archive.namelist()
        unzipped = sum(member.file_size for member in archive.infolist())
    assert unzipped < MOST_BYTES
    assert {"bootstrap", "bin/python3", "pylambda/pylambda/__main__.py", "pylambda/vendor/requests/__init__.py"} <= set(
        names
    )
    # Neither the laptop's side nor what belongs to the C library
    assert not [
        name for name in names if "/local/" in name or "/local.zip" in name or "/libc.so" in name or "ld-linux" in name
    ]
    assert f"Python {VERSION} and the runtime for {slim.arch}, out of pylambda-test:layer-" in layer.said
    assert " MB zipped, " in layer.said
    assert "its libraries " in layer.said
    assert f"--compatible-runtimes provided.al2023 --compatible-architectures {slim.arch} --zip-file" in layer.said


def test_an_image_that_is_none_of_ours_is_named(slim: Image, docker: Docker, tmp_path: Path) -> None:
    docker.tag(slim.base, f"pylambda-test:other-{docker.run_id}-slim")
    words = (PYLAMBDA, "build", "--layer", "--base", f"pylambda-test:other-{docker.run_id}", "--outdir", tmp_path)
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2
    assert f"pylambda-test:other-{docker.run_id}-slim gave no layer" in done.stderr
    assert not list(tmp_path.iterdir())
