"""`pylambda check` on what people really install: nothing is wrong with it, and what is for another machine is found.

`make check-packages` installs all of it, for Lambda and for others, on any machine.
"""

import shutil
from pathlib import Path

import pytest

from tests.check.command import check
from tests.conftest import CHECKED

pytestmark = pytest.mark.needs("check-packages")

FIFTEEN = (
    "numpy pandas pydantic cryptography psycopg lxml pillow grpcio boto3 fastapi scipy pyarrow orjson uvloop playwright"
).split()
X86 = ("--json", "--arch", "x86_64", "--python", "3.12")
MISFITS = {
    "arm64": {"PL-NATIVE", "PL-WHEEL"},
    "musl": {"PL-MUSL"},
    "python311": {"PL-ABI", "PL-WHEEL"},
    "macos": {"PL-NATIVE", "PL-WHEEL"},
}


def test_nothing_is_wrong_with_fifteen_popular_packages(capsys: pytest.CaptureFixture[str]) -> None:
    # Given all of them in one folder
    installed = {path.name.partition("-")[0].lower() for path in (CHECKED / "fits").glob("*.dist-info")}
    assert set(FIFTEEN) <= installed
    # When it is checked for Lambda
    said = check(capsys, CHECKED / "fits", *X86)
    # Then all that is said is that together they are too large for a zip, and have no byte code
    assert said.code == 0
    assert said.found.keys() == {"PL-SIZE", "PL-BYTECODE", "PL-HANDLER-NONE"}
    # And a package that is built for another Python than the function's is no news to it
    assert check(capsys, CHECKED / "fits", "--json").document["python"] == "3.12"


@pytest.mark.parametrize("place", MISFITS)
def test_a_package_for_another_machine_is_found(place: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = check(capsys, CHECKED / place, *X86)
    assert said.code == 1
    assert said.found.keys() == {*MISFITS[place], "PL-HANDLER-NONE"}
    # And for that machine nothing is wrong with it
    if place == "arm64":
        assert check(capsys, CHECKED / place, "--json", "--arch", "arm64", "--python", "3.12").code == 0
    if place == "python311":
        assert check(capsys, CHECKED / place, "--json", "--arch", "x86_64", "--python", "3.11").code == 0


def test_it_is_the_same_in_a_zip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = shutil.make_archive(str(tmp_path / "function"), "zip", CHECKED / "musl")
    assert check(capsys, archive, *X86).found.keys() == {"PL-MUSL", "PL-HANDLER-NONE"}
