"""The runtime as a process, started as contract 1 of the design says, and what is left of it when a run is over.

    run = runtime.serve("app.handler", files={"app.py": "..."}, events=[{"n": 1}])
    assert run.responses[0].json == {"n": 1}

A run is over when every event was answered and the runtime waits for another, or when the process has ended. One
that waits is killed; `exit_code` is then None, which reads as "still serving". Nothing is waited for by sleeping,
and nothing for longer than `DEADLINE_S`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.contract.delivery import wait_until_asleep
from tests.contract.fake_api import DEADLINE_S, FakeRuntimeApi
from tests.contract.http_side import Request
from tests.contract.script import Next, Reply

CHECKOUT = Path(__file__).parents[2]
BOOTSTRAP = CHECKOUT / "bootstrap"
HANDLERS = CHECKOUT / "tests" / "handlers"


@dataclass(frozen=True)
class Run:
    """What a run left.

    Attributes:
        requests: all that the Runtime API received, in order.
        out: the process's stdout, `err` its stderr.
        exit_code: None where the runtime was still serving; negative where a signal ended it.
    """

    requests: list[Request]
    out: bytes
    err: bytes
    exit_code: int | None

    @property
    def posts(self) -> list[Request]:
        """What was sent, without the requests for events."""
        return [request for request in self.requests if request.method == "POST"]

    @property
    def responses(self) -> list[Request]:
        """The results of invocations."""
        return self._to("response")

    @property
    def errors(self) -> list[Request]:
        """The errors of invocations."""
        return self._to("error")

    @property
    def init_error(self) -> Request:
        """The one report of a failed start. Raises AssertionError where there is not exactly one."""
        (report,) = self._to("init/error")
        return report

    def answer_to(self, request_id: str) -> Request:
        """The one answer to an invocation. Raises AssertionError where there is not exactly one."""
        answers = [request for request in self.posts if request.request_id == request_id]
        assert len(answers) == 1, f"{len(answers)} answers to {request_id}\n{self.stdout}\n{self.stderr}"
        return answers[0]

    @property
    def stdout(self) -> str:
        """The process's stdout as text; bytes that are none are shown as escapes."""
        return self.out.decode(errors="backslashreplace")

    @property
    def stderr(self) -> str:
        """The process's stderr as text; bytes that are none are shown as escapes."""
        return self.err.decode(errors="backslashreplace")

    @property
    def log(self) -> list[str]:
        """The lines of stdout as the platform counts them: only a line feed ends one."""
        return self.stdout.split("\n")[:-1]

    def _to(self, endpoint: str) -> list[Request]:
        return [request for request in self.posts if request.endpoint == endpoint]


class Serving:
    """A runtime that was started and a Runtime API that it talks to. Leaving the context kills it."""

    def __init__(self, api: FakeRuntimeApi, process: subprocess.Popen[bytes], output: Path) -> None:
        self.api = api
        self._process = process
        self._output = output
        threading.Thread(target=self._watch, daemon=True).start()

    def add(self, *events: Next) -> None:
        """Put more events behind those that are left."""
        self.api.add(*events)

    def wait_until_idle(self) -> None:
        """Return when every event was answered, or the process has ended."""
        self.api.wait_until(lambda: self.api.idle or self.ended, self._describe("idle"))

    def wait_until_parked(self) -> None:
        """Return when every event was answered, and the process waits in the kernel for another one."""
        self.wait_until_idle()
        if not self.ended:
            wait_until_asleep(self._process.pid)

    def wait_until_ended(self) -> None:
        """Return when the process has ended by itself."""
        self.api.wait_until(lambda: self.ended, self._describe("end"))

    def signal(self, number: signal.Signals) -> None:
        """Send the runtime a signal."""
        self._process.send_signal(number)

    def printed(self) -> list[str]:
        """Return the lines of stdout so far."""
        return self._read("out").decode().splitlines()

    @property
    def pid(self) -> int:
        """The process that was started; its session and its process group have the same number."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def output(self, stream: str) -> str:
        """Return what the process wrote so far, to `out` or to `err`."""
        return self._read(stream).decode(errors="backslashreplace")

    def stop(self) -> Run:
        """Kill the process where it has not ended, and return what it left."""
        exit_code = self._process.poll()
        with contextlib.suppress(ProcessLookupError):
            # The group: what a handler started ends with it.
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(DEADLINE_S)
        assert not self.api.complaints, self.api.complaints
        return Run(list(self.api.requests), self._read("out"), self._read("err"), exit_code)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(DEADLINE_S)

    def _watch(self) -> None:
        self._process.wait()
        self.api.notify()

    def _read(self, stream: str) -> bytes:
        return self._output.joinpath(stream).read_bytes()

    def _describe(self, goal: str) -> str:
        return f"the runtime's {goal}; see {self._output}"


@dataclass
class Runtime:
    """Starts runtimes, each in a folder of its own.

    Attributes:
        folder: where these folders are made.
        command: what starts a runtime.
    """

    folder: Path
    command: Sequence[str] = (str(BOOTSTRAP),)
    _number: int = field(default=0, init=False)

    def serve(
        self,
        handler: str | None = "app.handler",
        *,
        events: Iterable[object] = (),
        **options: object,
    ) -> Run:
        """Run until every event was answered, or to the process's end. For the options see `start`."""
        with self.start(handler, events=events, **options) as serving:  # type: ignore[arg-type]
            serving.wait_until_idle()
            return serving.stop()

    @contextlib.contextmanager
    def start(
        self,
        handler: str | None = "app.handler",
        *,
        files: Mapping[str, str] | None = None,
        events: Iterable[object] = (),
        env: Mapping[str, str | None] | None = None,
        command: Sequence[str] | None = None,
        pass_fds: Sequence[int] = (),
        at_once: int = 1,
        **replies: Reply,
    ) -> Iterator[Serving]:
        """Start a runtime.

        Args:
            handler: `_HANDLER`; None leaves it unset.
            files: the function's files by their names; without any, it is one of `tests/handlers/`.
            events: what it is to serve: `Next`, or JSON values.
            env: more variables, or None for one that is left out.
            command: what is run in place of `bootstrap`.
            pass_fds: descriptors that the process inherits.
            at_once: how many invocations are served at the same time; where there are several, the runtime is told.
            replies: how the Runtime API answers some requests, such as `init_error`; see `FakeRuntimeApi`.
        """
        script = [event if isinstance(event, Next) else Next(event) for event in events]
        variables = {"AWS_LAMBDA_MAX_CONCURRENCY": str(at_once) if at_once > 1 else None, **(env or {})}
        with (
            FakeRuntimeApi(*script, at_once=at_once, **replies) as api,
            self.start_on(api, handler, files=files, env=variables, command=command, pass_fds=pass_fds) as serving,
        ):
            yield serving

    @contextlib.contextmanager
    def start_on(
        self,
        api: FakeRuntimeApi,
        handler: str | None = "app.handler",
        *,
        files: Mapping[str, str] | None = None,
        env: Mapping[str, str | None] | None = None,
        command: Sequence[str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Iterator[Serving]:
        """Start a runtime on a Runtime API that is there already. For the arguments see `start`."""
        self._number += 1
        output = self.folder / f"run-{self._number}"
        task_root = self._lay_out(output, files)
        variables = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYLAMBDA_PYTHON": sys.executable,
            "LAMBDA_RUNTIME_DIR": str(CHECKOUT / "runtime"),
            "LAMBDA_TASK_ROOT": str(task_root),
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "_HANDLER": handler,
            **(env or {}),
        }
        with output.joinpath("out").open("wb") as out, output.joinpath("err").open("wb") as err:
            process = subprocess.Popen(
                command or self.command,
                cwd=task_root,
                env={name: value for name, value in variables.items() if value is not None},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        with Serving(api, process, output) as serving:
            yield serving

    def _lay_out(self, output: Path, files: Mapping[str, str] | None) -> Path:
        output.mkdir()
        if files is None:
            return HANDLERS
        task_root = output / "task"
        task_root.mkdir()
        for name, text in files.items():
            path = task_root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return task_root
