"""The row of `make bench` that needs an image."""

import json
from pathlib import Path

import pytest

from tests.image import standin
from tests.image.cli import Image, command

pytestmark = [pytest.mark.needs("engine"), pytest.mark.needs("cc"), pytest.mark.timeout(600)]


# On this variant's base, which has the C++ library that the official client needs.
@pytest.mark.only("build")
def test_make_bench_measures_the_cold_start_in_a_container(image: Image, tmp_path: Path) -> None:
    # Given an image, and the interpreter on this machine that its base has a copy of
    prefix = next(standin.prefixes(image.version), None)
    if prefix is None:
        pytest.skip(f"no CPython {image.version} on this machine outside its packages, which the official client needs")
    python, rows = prefix / "bin" / f"python{image.version}", tmp_path / "run.json"
    # When the container's row alone is asked for
    ask = f"ARGS=--only container --quick --python {python} --image {image.tag} --json {rows}"
    said = command("make", "-C", str(standin.ROOT), "--silent", "bench", ask)
    # Then both were started, and each answered
    (row,) = json.loads(rows.read_text())["rows"]
    assert row["against"] == "awslambdaric in the same image", said.err
    assert row["ours"] > 0
    assert row["other"] > 0
    assert "cold start in a container" in said.out
