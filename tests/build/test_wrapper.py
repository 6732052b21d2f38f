"""`pylambda build --wrapper`: what is in the layer, and what is said. tests/image runs it beside Amazon's Python."""

import ast
from pathlib import Path

from pylambda.local import RUNTIME_DIR
from pylambda.local.build.compact import HAVE_DOCSTRINGS, without_docstrings
from tests.build.conftest import HERE, Build, content

MOST_BYTES = 200_000


def test_the_layer_has_the_runtime_and_nothing_of_the_laptops_side(build: Build, tmp_path: Path) -> None:
    code, said, complaints = build(tmp_path, "--wrapper", "--python", HERE)
    assert (code, complaints) == (0, "")
    layer = tmp_path / f"dist/pylambda-wrapper-{HERE}.zip"
    found = content(layer)
    assert layer.stat().st_size <= MOST_BYTES
    assert {
        "pylambda/bootstrap",
        "pylambda/LICENSE",
        "pylambda/awslambdaric/bootstrap.py",
        "pylambda/pylambda/__main__.py",
        "pylambda/pylambda/web/asgi.py",
        "pylambda/cold-path.pyc",
        "pylambda/cold-path.modules",
    } < set(found)
    assert not [name for name in found if "/local" in name or "__pycache__" in name]
    # And says what it weighs, and how it is published and switched on
    assert " kB zipped, " in said
    assert f"--compatible-runtimes python{HERE} --zip-file fileb://dist/pylambda-wrapper-{HERE}.zip" in said
    assert "AWS_LAMBDA_EXEC_WRAPPER=/opt/pylambda/bootstrap" in said


def test_without_the_python_it_says_what_brings_it(build: Build, tmp_path: Path) -> None:
    other = "3.14" if HERE != "3.14" else "3.13"
    code, _said, complaints = build(
        tmp_path, "--wrapper", "--python", other, environ={"HOME": str(tmp_path), "PATH": "/nowhere"}
    )
    assert code == 2
    assert f"there is no Python {other} here to make it: `uv python install {other}` brings one" in complaints
    assert not list(tmp_path.rglob("*.zip"))


def test_a_program_without_docstrings_is_the_same_program() -> None:
    modules = [path for path in Path(RUNTIME_DIR, "pylambda").rglob("*.py") if "local" not in path.parts]
    assert len(modules) > 50
    for path in modules:
        source = path.read_text()
        wanted = ast.parse(source)
        for node in ast.walk(wanted):
            if isinstance(node, HAVE_DOCSTRINGS) and ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
        assert ast.dump(ast.parse(without_docstrings(source))) == ast.dump(wanted), path
