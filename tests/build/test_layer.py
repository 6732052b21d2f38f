"""`pylambda build --layer`, with the docker command played: how it is called. tests/image has the engine's answer."""

from pathlib import Path

import pytest

from tests.build.conftest import Build, content


@pytest.mark.parametrize(
    ("flags", "called"),
    [
        (
            ("--arch", "arm64"),
            "--platform=linux/arm64 --network=none --user=0 --entrypoint=/var/lang/bin/python3 "
            "ghcr.io/OWNER/pylambda:3.12-slim -IB -",
        ),
        (("--arch", "x86_64", "--base", "mine:1"), "--entrypoint=/var/lang/bin/python3 mine:1-slim -IB -"),
    ],
)
def test_it_is_taken_out_of_the_slim_image_of_its_architecture(
    build: Build, tmp_path: Path, docker: dict[str, str], flags: tuple[str, ...], called: str
) -> None:
    code, said, complaints = build(tmp_path, "--layer", *flags, environ=docker)
    assert (code, complaints) == (0, "")
    assert Path(docker["CALLED"]).read_text().strip().endswith(called)
    (layer,) = (tmp_path / "dist").iterdir()
    assert layer.name == f"pylambda-layer-3.12-{flags[1]}.zip"
    # What the engine gave is in it
    assert list(content(layer)) == ["docker"]
    assert " zipped, " in said


def test_without_an_engine_it_says_what_to_do(build: Build, tmp_path: Path) -> None:
    code, _said, complaints = build(tmp_path, "--layer", environ={"PATH": "/nowhere"})
    assert code == 2
    assert "there is no docker command on PATH" in complaints
    assert not list(tmp_path.rglob("*.zip"))
