"""Every finding of `pylambda check`: on a target that is made to have it, and not on one that is sound."""

import importlib.metadata
import io
import py_compile
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pylambda.local.check import elf
from pylambda.local.check.rules import RULES
from tests.check import targets
from tests.check.command import Said, check
from tests.check.targets import HANDLER, Entry, Image, folder, library, wheel, zipped

Make = Callable[[Path], Path]
# Made here, so that no file of this repository looks like one that holds a secret.
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEAx" * 4 + "\n"
GITHUB_TOKEN = "ghp" + "_" + "aB3" * 12


def in_folder(**files: Any) -> Make:
    """Names have `__` for a slash and `_dot_` for a dot."""
    return lambda root: folder(root, named(files))


def named(files: dict[str, Any]) -> dict[str, Any]:
    return {path.replace("__", "/").replace("_dot_", "."): content for path, content in files.items()}


def image(**changes: Any) -> Make:
    return lambda root: Image(**changes).saved(root / "image.tar")


def layout(**changes: Any) -> Make:
    return lambda root: Image(**changes).layout(root)


def handler(body: str) -> bytes:
    return f"{body}\n\n{HANDLER.decode()}".encode()


def large(root: Path, size: int) -> Path:
    """A zip of this many bytes unpacked, made of nothing."""
    return zipped(root / "function.zip", {"data.bin": bytes(size)})


def large_image(root: Path) -> Path:
    """An image whose one file has 11 GB, of which the disk holds none."""
    file = Image(files={"var/task/model.bin": b"."}).saved(root / "image.tar")
    size = 11 * 1024**3
    data = file.read_bytes()
    # The last layer's own header and the member's inside it are written anew with other sizes.
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [(member, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]
    with file.open("wb") as out:
        for member, content in members:
            if member.name != "layer1/layer.tar":
                out.write(member.tobuf() + content + bytes(-len(content) % 512))
        info = tarfile.TarInfo("var/task/model.bin")
        info.size = size
        inner = info.tobuf(tarfile.GNU_FORMAT)
        outer = tarfile.TarInfo("layer1/layer.tar")
        outer.size = len(inner) + size + 1024
        out.write(outer.tobuf(tarfile.GNU_FORMAT) + inner)
        out.truncate(out.tell() + size + 4096)
    return file


def compiled(root: Path) -> Path:
    """A folder with much source and its byte code, which is not compared with it."""
    made = folder(root, {"app.py": MUCH})
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(made / "app.py"), doraise=True, invalidation_mode=unchecked)
    return made


MUCH = HANDLER + b"".join(b"NAME_%d = [%d, 'a value of some length']\n" % (number, number) for number in range(800))
NUMPY = "numpy/core/_multiarray.cpython-312-{}-linux-{}.so"
SETTINGS = "import os\nDEBUG = False\nALLOWED_HOSTS = {}\n"
INDEX = {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": "sha256:" + "0" * 64,
    "size": 2,
}


@dataclass(frozen=True)
class Case:
    """One finding.

    Attributes:
        id: the finding's.
        bad: makes the target that has it.
        sound: makes one that is like it and has it not.
        where: what the finding names.
        words: more of the command line.
        name: what the case is about, where there are several.
        severity: that it has here.
    """

    id: str
    bad: Make
    sound: Make
    where: str = ""
    words: tuple[str, ...] = ()
    name: str = ""
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.id} {self.name}".rstrip()


APP = ("--handler", "app.handler")
X86 = (*APP, "--arch", "x86_64", "--python", "3.12")
SOUND_IMAGE = image()
CASES = [
    Case(
        "PL-INDEX",
        layout(beside=[{**INDEX, "platform": {"os": "linux", "architecture": "arm64"}}]),
        layout(),
    ),
    Case(
        "PL-ATTEST",
        layout(beside=[{**INDEX, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}]),
        layout(),
    ),
    Case(
        "PL-MEDIA",
        layout(media_types={"layer": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"}),
        layout(media_types={"layer": "application/vnd.docker.image.rootfs.diff.tar"}),
        "layer 0",
    ),
    Case(
        "PL-MEDIA",
        layout(media_types={"config": "application/vnd.oci.empty.v1+json"}),
        layout(compress=True),
        "config",
        name="of the configuration",
    ),
    Case("PL-ARCH", image(arch="arm64"), image(arch="amd64"), words=("--arch", "x86_64")),
    Case("PL-ARCH", image(arch="riscv64"), image(arch="arm64"), name="that Lambda has not"),
    Case("PL-ARCH", image(config={"os": "windows"}), SOUND_IMAGE, name="of another system"),
    Case(
        "PL-ENTRY-RELATIVE",
        image(run={"Entrypoint": ["python3", "-m", "pylambda"]}),
        image(run={"Entrypoint": ["/usr/bin/python3.12", "-m", "pylambda"]}),
        "python3",
    ),
    Case(
        "PL-ENTRY-LINK",
        image(run={"Entrypoint": ["/var/lang/bin/python3", "-m", "pylambda"]}),
        image(run={"Entrypoint": ["/usr/bin/python3.12", "-m", "pylambda"]}),
        "/var/lang/bin/python3",
        severity="warning",
    ),
    Case("PL-ENTRY-FILE", image(run={"Entrypoint": ["/nowhere.sh"]}), SOUND_IMAGE, "/nowhere.sh"),
    Case(
        "PL-ENTRY-FILE",
        image(files={"entry_script.sh": Entry(b"#!/bin/sh\n", mode=0o744)}),
        image(files={"entry_script.sh": Entry(b"#!/bin/sh\n", mode=0o755)}),
        "/entry_script.sh",
        name="that others may not execute",
    ),
    Case(
        "PL-ENTRY-FILE",
        image(files={"entry_script.sh": Entry(b"#!/bin/bash\n", mode=0o755)}),
        image(files={"entry_script.sh": Entry(b"#!/bin/bash\n", mode=0o755), "bin/bash": Entry(b".", mode=0o755)}),
        "/entry_script.sh",
        name="for a shell that is not there",
    ),
    Case(
        "PL-ENTRY-EMULATOR",
        image(
            files={"usr/local/bin/aws-lambda-rie": Entry(b".", mode=0o755)},
            run={"Entrypoint": ["/usr/local/bin/aws-lambda-rie", "/entry_script.sh"]},
        ),
        SOUND_IMAGE,
        "/usr/local/bin/aws-lambda-rie",
    ),
    Case("PL-CMD-SHELL", image(run={"Cmd": ["/bin/sh", "-c", "app.handler"]}), SOUND_IMAGE),
    Case("PL-CMD-WORDS", image(run={"Cmd": ["app.handler", "--verbose"]}), SOUND_IMAGE),
    Case(
        "PL-CMD-WORDS",
        image(run={"Entrypoint": ["/entry_script.sh", "app.handler"], "Cmd": ["app.handler"]}),
        image(run={"Entrypoint": ["/entry_script.sh", "app.handler"], "Cmd": None}),
        name="in ENTRYPOINT too",
    ),
    Case("PL-SIZE", lambda root: large(root, 251 * 1024**2), lambda root: large(root, 1024**2), words=APP),
    Case("PL-SIZE", large_image, SOUND_IMAGE, name="for an image"),
    Case(
        "PL-NATIVE",
        in_folder(**{NUMPY.format("x86_64", "gnu"): library("arm64")}),
        in_folder(**{NUMPY.format("x86_64", "gnu"): library("x86_64")}),
        NUMPY.format("x86_64", "gnu"),
        X86,
    ),
    Case(
        "PL-NATIVE",
        image(arch="arm64", files={"var/task/fast.abi3.so": library("x86_64")}),
        image(arch="arm64", files={"var/task/fast.abi3.so": library("arm64")}),
        "var/task/fast.abi3.so",
        name="in an image",
    ),
    Case(
        "PL-NATIVE",
        in_folder(**{NUMPY.format("aarch64", "gnu"): library("arm64")}),
        # A package may bring a library for every machine, if one of them is the function's.
        in_folder(
            **{
                NUMPY.format("aarch64", "gnu"): library("arm64"),
                NUMPY.format("x86_64", "gnu"): library("x86_64"),
                "debugger/attach_linux_aarch64.so": library("arm64"),
            }
        ),
        NUMPY.format("aarch64", "gnu"),
        X86,
        name="beside one that fits",
    ),
    Case(
        "PL-ABI",
        in_folder(**{"fast.cpython-311-x86_64-linux-gnu.so": library()}),
        in_folder(**{"fast.cpython-312-x86_64-linux-gnu.so": library(), "quick.abi3.so": library()}),
        "fast.cpython-311-x86_64-linux-gnu.so",
        X86,
    ),
    Case(
        "PL-WHEEL",
        in_folder(**wheel("fast", "cp311-cp311-manylinux_2_17_x86_64")),
        in_folder(**wheel("fast", "cp38-abi3-manylinux_2_17_x86_64"), **wheel("pure", "py2.py3-none-any")),
        "fast-1.0.dist-info/WHEEL",
        X86,
    ),
    Case(
        "PL-WHEEL",
        in_folder(**wheel("fast", "cp312-cp312-macosx_14_0_arm64")),
        in_folder(**wheel("fast", "cp312-cp312-manylinux_2_28_aarch64")),
        "fast-1.0.dist-info/WHEEL",
        (*APP, "--arch", "arm64", "--python", "3.12"),
        name="of another system",
    ),
    Case(
        "PL-MUSL",
        image(files={"var/task/fast.abi3.so": library(needed="libc.musl-x86_64.so.1")}),
        image(files={"var/task/fast.abi3.so": library(needed="libc.so.6")}),
        "var/task/fast.abi3.so",
    ),
    Case(
        "PL-MUSL",
        image(files={"lib64/libc.so.6": Entry(link="/nowhere"), "lib/ld-musl-x86_64.so.1": b".",
                     "var/task/fast.abi3.so": library(needed="libc.so.6")}),
        image(files={"lib64/libc.so.6": Entry(link="/nowhere"), "lib/ld-musl-x86_64.so.1": b".",
                     "var/task/fast.abi3.so": library(needed="libc.musl-x86_64.so.1")}),
        "var/task/fast.abi3.so",
        name="the other way round",
    ),
    Case(
        "PL-GLIBC",
        in_folder(fast_dot_abi3_dot_so=library(glibc="2.38")),
        in_folder(fast_dot_abi3_dot_so=library(glibc="2.34")),
        "fast.abi3.so",
        X86,
    ),
    Case(
        "PL-GLIBC",
        image(files={"var/task/fast.abi3.so": library(glibc="2.36")}),
        image(files={"var/task/fast.abi3.so": library(glibc="2.36"),
                     "lib64/libc.so.6": b"GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36."}),
        "var/task/fast.abi3.so",
        name="by the image's own",
    ),
    Case(
        "PL-GLIBC",
        lambda root: zipped(root / "function.zip", {"fast.abi3.so": library(glibc="2.28")}),
        lambda root: zipped(root / "function.zip", {"fast.abi3.so": library(glibc="2.17")}),
        "fast.abi3.so",
        (*APP, "--arch", "x86_64", "--python", "3.11"),
        name="by Amazon Linux 2 below Python 3.11",
    ),
    Case("PL-EOL", in_folder(), in_folder(), words=(*APP, "--python", "3.8"), severity="warning"),
    Case("PL-BYTECODE", in_folder(**{"app.py": MUCH}), compiled, words=APP, severity="note"),
    Case("PL-HANDLER-NONE", image(run={"Cmd": None}), SOUND_IMAGE, severity="warning"),
    Case("PL-HANDLER-NONE", in_folder(), in_folder(), severity="note", name="of a folder"),
    Case("PL-HANDLER", image(run={"Cmd": ["main.handler"]}), SOUND_IMAGE),
    Case(
        "PL-HANDLER",
        in_folder(),
        in_folder(app_dot_py=b"from elsewhere import handler as lambda_handler\n"),
        "app.py",
        ("--handler", "app.lambda_handler"),
        name="a function that is not in the file",
    ),
    Case(
        "PL-HANDLER",
        in_folder(app_dot_py=b"def handler(event, context)\n    return 1\n"),
        in_folder(),
        "app.py",
        (*APP, "--python", "3.11"),
        name="a file that is no Python",
    ),
    Case("PL-HANDLER", in_folder(), in_folder(handler_dot_py=b""), words=("--handler", "handler"), name="no name",
         severity="error"),
    Case(
        "PL-HANDLER",
        in_folder(),
        in_folder(**{"manage.py": b"print(1)\n"}),
        words=("--handler", "console:manage.py"),
        name="a script",
    ),
    Case(
        "PL-HANDLER-APP",
        in_folder(app_dot_py=b"from fastapi import FastAPI\nhandler = FastAPI(title='Orders')\n"),
        in_folder(app_dot_py=b"from mangum import Mangum\nfrom fastapi import FastAPI\nhandler = Mangum(FastAPI())\n"),
        "app.py",
        APP,
    ),
    Case(
        "PL-HOSTS",
        in_folder(shop__settings_dot_py=SETTINGS.format("['shop.example.com']").encode(),
                  app_dot_py=handler("import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'")),
        in_folder(shop__settings_dot_py=SETTINGS.format("['shop.example.com', '.on.aws']").encode(),
                  app_dot_py=handler("import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'shop.settings'")),
        "shop/settings.py",
        APP,
        severity="warning",
    ),
    Case(
        "PL-HOSTS",
        in_folder(app_dot_py=handler("app.add_middleware(TrustedHostMiddleware, allowed_hosts=['example.com'])")),
        in_folder(app_dot_py=handler("app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)")),
        "app.py",
        APP,
        name="of Starlette's middleware",
        severity="warning",
    ),
    Case(
        "PL-IMPORT",
        in_folder(app_dot_py=handler("import nothing_of_this_name")),
        in_folder(),
        words=(*APP, "--import"),
    ),
    Case(
        "PL-IMPORT",
        in_folder(app_dot_py=handler("import os\nTABLE = os.environ['TABLE_NAME']")),
        in_folder(app_dot_py=handler("import os\nTABLE = os.environ.get('TABLE_NAME')")),
        words=(*APP, "--import"),
        name="a variable that is not set",
        severity="warning",
    ),
    Case(
        "PL-IMPORT-WRITE",
        in_folder(app_dot_py=handler("raise OSError(30, 'Read-only file system', 'cache/index')")),
        in_folder(app_dot_py=handler("import tempfile\ntempfile.TemporaryFile().close()")),
        words=(*APP, "--import"),
    ),
    Case(
        "PL-READ",
        in_folder(data__table_dot_json=Entry(b"{}", mode=0o600)),
        in_folder(data__table_dot_json=Entry(b"{}", mode=0o644)),
        "data/table.json",
        APP,
    ),
    Case(
        "PL-READ",
        image(files={"var/task/data": Entry(mode=0o750, folder=True)}),
        image(files={"var/task/data": Entry(mode=0o750, folder=True, owner=(993, 990))}),
        "var/task/data",
        name="a folder of an image",
    ),
    Case(
        "PL-CRLF",
        image(files={"entry_script.sh": Entry(b"#!/bin/sh\r\nexec true\r\n", mode=0o755)}),
        SOUND_IMAGE,
        "entry_script.sh",
    ),
    Case(
        "PL-CRLF",
        in_folder(migrate_dot_sh=b"#!/bin/sh\r\necho\r\n"),
        in_folder(migrate_dot_sh=b"#!/bin/sh\necho\n", **{"notes.txt": b"a\r\n"}),
        "migrate.sh",
        APP,
        name="of a script beside the function",
        severity="warning",
    ),
    Case(
        "PL-WRITE",
        in_folder(app_dot_py=handler("def save():\n    with open('out.json', 'w') as file:\n        file.write('1')")),
        in_folder(
            app_dot_py=handler(
                "open('in.json')\nopen('/tmp/out.json', 'w')\nif __name__ == '__main__':\n    open('x', 'w')"
            )
        ),
        "app.py",
        APP,
        severity="warning",
    ),
    Case(
        "PL-WRITE",
        image(env=["MPLCONFIGDIR=/var/task/cache"]),
        image(env=["MPLCONFIGDIR=/tmp/cache"]),
        "MPLCONFIGDIR",
        name="of a library's caches",
        severity="warning",
    ),
    Case(
        "PL-SECRET-ENV",
        image(env=["DB_PASSWORD=hunter2", "STAGE=prod"]),
        image(env=["DB_PASSWORD=", "TOKEN_FILE=/tmp/token", "DB_SECRET=arn:aws:secretsmanager:x", "MAX_TOKEN=4096"]),
        "DB_PASSWORD",
    ),
    Case(
        "PL-SECRET-ENV",
        image(config={"history": [{"created_by": "|1 PIP_TOKEN=abc123 /bin/sh -c pip install x"}]}),
        image(config={"history": [{"created_by": "|1 VERSION=1 /bin/sh -c pip install x"}]}),
        "PIP_TOKEN",
        name="in the history",
    ),
    Case(
        "PL-SECRET-FILE",
        image(files={"root/.aws/credentials": b"[default]\n"}, more_layers=[{"root/.aws/.wh.credentials": b""}]),
        image(files={"root/.aws/config": b"[default]\n"}),
        "root/.aws/credentials",
        name="in a layer below",
    ),
    Case(
        "PL-SECRET-FILE",
        in_folder(_dot_env=b"STAGE=dev\n"),
        in_folder(_dot_env=b"STAGE=dev\n", **{".dockerignore": b"# comment\n.env\n", ".env.example": b"STAGE=\n"}),
        ".env",
        APP,
        name="settings",
        severity="warning",
    ),
    Case(
        "PL-SECRET-TOKEN",
        in_folder(config__deploy_dot_pem=KEY.encode()),
        in_folder(
            config__deploy_dot_pem=b"-----BEGIN CERTIFICATE-----\nMIIE\n",
            check_dot_py=b"PEM = '-----BEGIN RSA PRIVATE KEY-----'\n",
            **{"server/test.key": KEY.encode()},
            **wheel("server", "py3-none-any", "server/test.key"),
        ),
        "config/deploy.pem",
        APP,
    ),
    Case(
        "PL-SECRET-TOKEN",
        in_folder(app_dot_py=handler(f"# a line\nTOKEN = '{GITHUB_TOKEN}'")),
        in_folder(app_dot_py=handler("TOKEN = 'ghp_short'")),
        "app.py",
        APP,
        name="a token",
    ),
    Case(
        "PL-GIT",
        image(files={"var/task/.git": Entry(folder=True, mode=0o755)}),
        image(files={"var/task/.gitignore": b""}),
        "var/task/.git",
        severity="warning",
    ),
    Case("PL-UNTRIED", in_folder(), in_folder(), words=APP, severity="note"),
]  # fmt: skip
# What makes the same target sound is on the command line.
SOUND_WORDS = {
    "PL-EOL": (*APP, "--python", "3.13"),
    "PL-HANDLER-NONE of a folder": APP,
    "PL-HANDLER no name": ("--handler", "app.handler"),
    "PL-UNTRIED": (*APP, "--import"),
}


def found(said: Said, rule_id: str) -> list[dict[str, Any]]:
    assert said.code in (0, 1), said.err
    return [finding for finding in said.document["findings"] if finding["id"] == rule_id]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_finding_is_found_where_it_is_and_nowhere_else(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, sound = tmp_path / "bad", tmp_path / "sound"
    bad.mkdir()
    sound.mkdir()
    # When the target that is made to have it is checked
    said = check(capsys, case.bad(bad), "--json", *case.words)
    # Then it is found, at its place, and as bad as it is
    places = [(finding["where"], finding["severity"]) for finding in found(said, case.id)]
    assert (case.where, case.severity) in places
    assert said.code == any(finding["severity"] == "error" for finding in said.document["findings"])
    # And of a sound one there is nothing to say
    words = SOUND_WORDS.get(str(case), case.words)
    well = check(capsys, case.sound(sound), "--json", *words)
    assert found(well, case.id) == []
    assert well.code == 0, well.out


def test_every_rule_has_a_case() -> None:
    assert {case.id for case in CASES} == {rule.id for rule in RULES}


def test_values_of_secrets_are_never_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given an image with a secret of each kind
    made = Image(
        env=["DB_PASSWORD=hunter2"],
        files={"var/task/.env": b"KEY=hunter3\n", "var/task/app.py": handler(f"TOKEN = '{GITHUB_TOKEN}'")},
        config={"history": [{"created_by": "|1 PIP_TOKEN=hunter4 /bin/sh -c true"}]},
    ).saved(tmp_path / "image.tar")
    # When it is checked in every form
    said = [check(capsys, made, *words) for words in ((), ("--json",), ("--sarif", tmp_path / "out.sarif"))]
    everything = "".join(one.out + one.err for one in said) + (tmp_path / "out.sarif").read_text()
    # Then all are named, and none is shown
    assert "DB_PASSWORD" in everything
    assert "PIP_TOKEN" in everything
    assert "a token of GitHub" in everything
    assert not [value for value in ("hunter2", "hunter3", "hunter4", GITHUB_TOKEN) if value in everything]


def test_what_a_library_says_of_itself_is_what_its_wheel_promises() -> None:
    """The reader on real libraries: those of a wheel need no glibc that is newer than its tag."""
    libraries = sorted(Path(np.__file__).parent.rglob("*.so"))
    read = [elf.read(io.BytesIO(library.read_bytes())) for library in libraries]
    assert len(read) > 10
    (tag,) = {line for line in _wheel_of_numpy() if "manylinux" in line}
    promised = tuple(map(int, tag.split("manylinux_")[1].split("_")[:2]))
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}[tag.split(f"manylinux_{promised[0]}_{promised[1]}_")[1]]
    assert {one.machine for one in read if one} == {machine}
    versions = [one.glibc for one in read if one and one.glibc]
    assert max(versions) <= promised
    assert {one.libc for one in read if one} <= {"glibc", ""}


def _wheel_of_numpy() -> list[str]:
    text = importlib.metadata.distribution("numpy").read_text("WHEEL") or ""
    last = [line.removeprefix("Tag: ") for line in text.splitlines() if line.startswith("Tag:")]
    return last[-1:]


def test_a_made_library_reads_as_it_was_made() -> None:
    read = elf.read(io.BytesIO(library("arm64", needed="libm.so.6", glibc="2.35")))
    assert read == elf.Elf("arm64", ("libm.so.6",), (2, 35))
    assert targets.MACHINES.keys() == {"x86_64", "arm64"}
