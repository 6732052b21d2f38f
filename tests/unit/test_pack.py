"""The laptop's side in one zip, as an image has it."""

import shutil
import subprocess
import sys
from pathlib import Path, PurePath

import h11
import pytest

from images import pack
from pylambda.local.new import project
from tests.documents import ROOT


def runtime_folder(folder: Path) -> Path:
    ours = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "runtime" / "pylambda", folder / "pylambda", ignore=ours)
    shutil.copytree(Path(h11.__file__).parent, folder / "vendor" / "h11", ignore=ours)
    return folder


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = runtime_folder(tmp_path_factory.mktemp("runtime"))
    pack.pack(folder, folder)
    return folder


def run(packed: Path, code: str, *arguments: str) -> str:
    """Run code in an interpreter that knows the packed runtime alone."""
    start = f"import sys; sys.path.insert(0, {str(packed)!r})\n{code}"
    words = [sys.executable, "-I", "-S", "-c", start, *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout


def test_only_what_is_started_by_its_path_stays_outside(packed: Path) -> None:
    assert {path.name for path in (packed / "pylambda/local").iterdir()} == {"__init__.py", "emulator.py"}
    assert not list((packed / "vendor").iterdir())


def test_commands_run_out_of_it_with_the_files_that_they_print(packed: Path) -> None:
    code = "from pylambda.local.__main__ import main; sys.exit(main())"
    assert (
        run(packed, code, "event", "sqs")
        == subprocess.run(
            [sys.executable, "-m", "pylambda.local", "event", "sqs"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
    )
    assert "--http" in run(packed, code, "serve", "--help")


def test_a_new_project_comes_out_of_it_as_out_of_a_folder(packed: Path, tmp_path: Path) -> None:
    code = "import os; os.chdir(sys.argv.pop(1)); from pylambda.local.__main__ import main; sys.exit(main())"
    words = ("new", "greeter", "--web", "django", "--stream", "--iac", "cdk", "--ci", "github")
    run(packed, code, str(tmp_path), *words)
    files = [path for path in (tmp_path / "greeter").rglob("*") if path.is_file()]
    made = {path.relative_to(tmp_path / "greeter").as_posix(): path.read_text() for path in files}
    assert made == project.files(project.Choice("greeter", "django", True, ("cdk",), "github"))


def test_byte_code_is_run_and_its_lines_are_shown(packed: Path) -> None:
    # Given a command's module, and the library that it speaks HTTP with
    code = (
        "from pylambda.local import VENDOR; sys.path += VENDOR\n"
        "import h11, traceback\nfrom pylambda.local import samples\n"
        "print(h11.__file__, samples.__file__)\n"
        "try: samples.sample('no such')\nexcept samples.SampleError: print(traceback.format_exc())"
    )
    said = run(packed, code)
    place = packed / "pylambda/local.zip"
    assert said.split()[:2] == [f"{place}/vendor/h11/__init__.pyc", f"{place}/samples.pyc"]
    assert f'File "{place}/samples.py", line ' in said
    assert 'raise SampleError(f"there is no event' in said


def test_the_same_bytes_come_out_of_another_folder(packed: Path, tmp_path: Path) -> None:
    # Given sources of another time, in another place
    another = runtime_folder(tmp_path)
    place = PurePath("/var/runtime")
    (another / "pylambda/local/serve.py").touch()
    pack.pack(another, place)
    again = runtime_folder(tmp_path / "again")
    pack.pack(again, place)
    zips = [(folder / "pylambda/local.zip").read_bytes() for folder in (another, again)]
    assert zips[0] == zips[1]
