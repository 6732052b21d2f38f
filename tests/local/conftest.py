"""A function behind the real emulator, as a user meets it: a process started through `entry_script.sh`.

`start` takes a handler's source and gives back a running function. At the end of the test it is told to stop, and
then nothing of it may be left.
"""

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from pylambda.local import fetch
from pylambda.local.function import Function, Kit, running

CHECKOUT = Path(__file__).parents[2]


class Start(Protocol):
    """Start a function from the source of its module `app`; it is stopped when the test ends."""

    def __call__(
        self, source: str, *, handler: str = "app.handler", environ: Mapping[str, str] | None = None
    ) -> Function: ...


@pytest.fixture(scope="session")
def kit() -> Kit:
    """The parts of this checkout and an emulator, which is downloaded the first time."""
    try:
        emulator = fetch.find(None, CHECKOUT / ".cache")
    except fetch.FetchError as error:
        pytest.skip(f"there is no Lambda emulator ({error}); get it with: make emulator")
    return Kit(CHECKOUT / "entry_script.sh", CHECKOUT / "runtime", emulator)


@pytest.fixture
def start(kit: Kit, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start_source(
            source: str, *, handler: str = "app.handler", environ: Mapping[str, str] | None = None
        ) -> Function:
            (tmp_path / "app.py").write_text(textwrap.dedent(source))
            return stack.enter_context(watched(kit, handler, tmp_path, environ))

        yield start_source


@pytest.fixture(scope="module")
def echo(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    """A function that gives each event back, shared by the tests of a module."""
    folder = tmp_path_factory.mktemp("echo")
    (folder / "app.py").write_text("def handler(event, context):\n    return event\n")
    with watched(kit, "app.handler", folder, None) as function:
        yield function


@contextmanager
def watched(kit: Kit, handler: str, folder: Path, environ: Mapping[str, str] | None) -> Iterator[Function]:
    """Like `running`; pytest shows the output of what failed, and SIGTERM alone must end all of it."""
    with running(kit, handler, folder, environ=environ) as function:
        try:
            yield function
        finally:
            print(function.output())
        function.process.terminate()
        function.process.wait(timeout=5)
        assert function.members() == []
