"""What people write: matrix.toml, the command line, a project's file. Bad input is one clear error, no traceback."""

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from images import facts
from pylambda.local import __main__ as command
from pylambda.local import serve_options
from pylambda.local.options import OptionError, resolve
from tests.fuzz.replies import damaged

MATRIX = facts.FILE.read_bytes()
LINES = MATRIX.splitlines(keepends=True)
SOME_LINES = st.lists(st.sampled_from(LINES), max_size=30).map(b"".join) | st.permutations(LINES).map(b"".join)
FLAGS = [f"--{option.name}" for option in serve_options.OPTIONS]
ARGUMENTS = st.lists(
    st.sampled_from(
        ["serve", "invoke", "event", "console", "new", "build", "app.handler", "--help", "--", "-", "@x", *FLAGS]
    )
    | st.text(max_size=8),
    max_size=6,
)
TOML = st.sampled_from(
    [
        "[tool.pylambda]", "[tool]", "tool = 1", "[tool.pylambda.check]", "[[tool.pylambda]]", "[tool.pylambda.port]",
        "port = 8080", "port = -1", "prot = 1", "timeout = nan", "timeout = [1, 2]", "handler = {}", "reload = true",
        "reload = 'x'", "http = 'v2'", "queue = 1e3", "queue = 99999999999999999999999999", "a = ", "\0",
    ]
)  # fmt: skip


@given(damaged(st.just(MATRIX)) | SOME_LINES)
def test_a_matrix_is_read_or_refused_in_its_own_words(data: bytes) -> None:
    try:
        matrix = facts.read(data.decode(errors="replace"))
    except facts.MatrixError as error:
        assert str(error)
    else:
        assert matrix.default in {python.version for python in matrix.pythons}


@given(ARGUMENTS)
def test_a_command_line_is_understood_or_refused_with_2(arguments: list[str]) -> None:
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            command.parser().parse_args(arguments)
    except SystemExit as end:
        assert end.code in (0, 2)
        assert "Traceback" not in out.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@given(st.sampled_from(["pyproject.toml", "pylambda.toml"]), st.lists(TOML, max_size=6).map("\n".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck])
def test_a_projects_file_is_read_or_refused_in_one_line(folder: Path, name: str, text: str) -> None:
    for other in folder.iterdir():
        other.unlink()
    folder.joinpath(name).write_text(text)
    flags = command.parser().parse_args(["serve"])
    try:
        resolve(serve_options.OPTIONS, flags, {}, folder)
    except OptionError as error:
        assert "\n" not in str(error)
