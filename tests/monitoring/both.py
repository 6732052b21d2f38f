"""Runs a function with a monitoring tool in both runtimes at once, each with a sink of its own."""

import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.contract.fake_api import FakeRuntimeApi
from tests.contract.http_side import Request
from tests.contract.runtime_process import BOOTSTRAP, CHECKOUT, Serving
from tests.contract.script import Next
from tests.monitoring.sink import Arrival, Certificate, Sink
from tests.parity.pair import PLATFORM

ENVIRONMENT = CHECKOUT / ".cache" / "monitoring"
PYTHON = ENVIRONMENT / "bin" / "python"
# For a tool that takes seconds to import, on a machine that does something else as well.
DEADLINE_S = 90.0
ARRIVAL_DEADLINE_S = 5.0


@dataclass(frozen=True)
class Told:
    """What a run told: the platform, the log, the sink.

    Attributes:
        posts: to the Runtime API.
        out: stdout and stderr, without the runtime's own.
        arrivals: at the sink.
        exit_code: None where the function was still served.
    """

    posts: list[Request]
    out: str
    arrivals: list[Arrival]
    exit_code: int | None


@dataclass(frozen=True)
class Both:
    """A run in both runtimes."""

    official: Told
    ours: Told


@dataclass(frozen=True)
class Function:
    """A function and a tool.

    Attributes:
        files: of its folder, by name; their texts.
        handler: `_HANDLER`.
        env: more variables; "{sink}" is the sink's `host:port`, "{task}" the function's folder, "{ca}" what vouches for
            the sink; None leaves one out.
        certificate: the sink's, where it speaks HTTPS.
    """

    files: Mapping[str, str]
    handler: str
    env: Mapping[str, str | None]
    certificate: Certificate | None


def run(function: Function, events: list[Next], folder: Path, arrivals: int) -> Both:
    """Run a function in both runtimes.

    Args:
        function: with a tool.
        events: what it is to serve.
        folder: an empty one.
        arrivals: how many are waited for at each sink.

    Raises:
        AssertionError: a run did not come to its end.
    """
    starter = Path(__file__).with_name("official.py")
    sides = {
        "official": ((str(PYTHON), str(starter), str(ENVIRONMENT / "official")), str(starter.parent)),
        "ours": ((str(BOOTSTRAP),), str(CHECKOUT / "runtime")),
    }
    with ThreadPoolExecutor(2) as pool:
        told = pool.map(
            lambda name: _run_one(function, events, folder / name, *sides[name], arrivals), ["official", "ours"]
        )
        return Both(*told)


def _run_one(
    function: Function,
    events: list[Next],
    folder: Path,
    command: tuple[str, ...],
    runtime_dir: str,
    arrivals: int,
) -> Told:
    task_root = folder / "task"
    task_root.mkdir(parents=True)
    for name, text in function.files.items():
        task_root.joinpath(name).write_text(text)
        task_root.joinpath(name).chmod(0o755)
    with Sink(function.certificate) as sink, FakeRuntimeApi(*events) as api:
        places = {
            "{sink}": f"127.0.0.1:{sink.port}",
            "{port}": str(sink.port),
            "{task}": str(task_root),
            "{ca}": str(function.certificate and function.certificate.certificate),
        }
        variables: dict[str, str | None] = {
            **PLATFORM,
            "HOME": str(task_root),
            "LAMBDA_RUNTIME_DIR": runtime_dir,
            "LAMBDA_TASK_ROOT": str(task_root),
            "PYLAMBDA_PYTHON": str(PYTHON),
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "_HANDLER": function.handler,
            **{name: value and _filled(value, places) for name, value in function.env.items()},
        }
        # The image's own start script does this for the reference; ours is the script.
        wrapper = variables.pop("AWS_LAMBDA_EXEC_WRAPPER", None)
        command = (wrapper, *command) if wrapper else command
        with folder.joinpath("out").open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=task_root,
                env={name: value for name, value in variables.items() if value is not None},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        folder.joinpath("err").touch()
        with Serving(api, process, folder) as serving:
            api.wait_until(lambda: api.idle or serving.ended, f"an end; see {folder}", deadline_s=DEADLINE_S)
            sink.wait_for(arrivals, ARRIVAL_DEADLINE_S)
            api.complaints.clear()
            left = serving.stop()
    return Told(left.posts, left.stdout, list(sink.arrivals), left.exit_code)


def _filled(text: str, places: Mapping[str, str]) -> str:
    for place, value in places.items():
        text = text.replace(place, value)
    return text
