"""The layers of ours have the same digests in two builds of one commit, from two checkouts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.image.cli import Docker, Image, command
from tests.image.standin import ROOT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.only("slim"), pytest.mark.timeout(600)]


def layers_of_checkout(folder: Path, umask: int, image: Image, docker: Docker) -> list[str]:
    """Build from a clone of HEAD, without the builder's cache, as somebody with this umask."""
    tag = docker.own_tag(f"checkout-{folder.name}")
    command("git", "clone", "--quiet", str(ROOT), str(folder))
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{folder}/runtime"}

    def python(module: str, *words: str) -> str:
        words = (sys.executable, "-m", module, *words)
        done = subprocess.run(
            words, cwd=folder, env=environment, umask=umask, check=True, capture_output=True, text=True, timeout=300
        )
        return done.stdout

    python("images.vendor", f"--cache={ROOT}/.cache/vendor", "fetch")
    which = (f"--version={image.version}", f"--variant={image.variant}", f"--base={image.base}", f"--tag={tag}")
    docker.remember_stages(python("images.build", *which, "--", "--no-cache"))
    found: list[str] = json.loads(command("docker", "inspect", "--format", "{{json .RootFS.Layers}}", tag).out)
    return found


def test_two_builds_of_one_commit_make_the_same_layer(image: Image, docker: Docker, tmp_path: Path) -> None:
    # Given two checkouts in different folders, by people with different habits
    first, second = (
        layers_of_checkout(tmp_path / name, umask, image, docker)
        for name, umask in (("one", 0o022), ("another-place", 0o077))
    )
    # Then Python's layer is another one each time, as its package manager writes times, and ours is the same
    assert first[-1] == second[-1]
    assert first[:-1] != second[:-1]
