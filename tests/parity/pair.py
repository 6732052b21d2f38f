"""Runs a group of cases in both runtimes at once, and hands each case what it caused.

Both serve the same files from the same folder, on the same interpreter, for the same events; each has a Runtime API
of its own. In a shared process, what was printed up to an answer belongs to the case of that answer: both runtimes
write what a handler prints before they send what it returns.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.contract.fake_api import FakeRuntimeApi
from tests.contract.http_side import Request, Verdict
from tests.contract.runtime_process import BOOTSTRAP, Run, Serving
from tests.contract.script import Next, Reply
from tests.parity import image_form
from tests.parity.cases import Group
from tests.parity.image_form import Image
from tests.parity.observation import Observation, frames_of, masked, post_of, without_runtime_frames
from tests.parity.pythons import Python

# For importing a web framework on a machine that does something else as well.
DEADLINE_S = 60.0
ImageOf = Callable[[Python], Image]
NOTHING = Observation((), "", "", (), None)
STREAMS = ("out", "err", "frames")
# What the platform sets in every function, as far as somebody reads it; and no byte code beside the cases.
PLATFORM = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "TZ": ":/etc/localtime",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "an-id",
    "AWS_SECRET_ACCESS_KEY": "a-secret",
    "AWS_LAMBDA_FUNCTION_NAME": "hello",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/hello",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/02/[7]0123456789abcdef",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    # The client warns where AWS_EXECUTION_ENV names a Python that Lambda has not released; see tests/early.py.
    "LAMBDA_DISABLE_PREVIEW_WARN": "1",
}


@dataclass(frozen=True)
class Both:
    """One case, seen in both runtimes."""

    official: Observation
    ours: Observation


@dataclass(frozen=True)
class PairRun:
    """A group, seen in both runtimes.

    Attributes:
        cases: by their names.
        rest: what belongs to no case: the start, the end and how it ended.
    """

    cases: Mapping[str, Both]
    rest: Both


@dataclass(frozen=True)
class _Side:
    """One of the two runtimes: how it is started, and whether its requests are held to strict form."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    strict: bool


class _Recorder(FakeRuntimeApi):
    """Notes how much had been printed at the first request for an event, and when each answer came."""

    def __init__(self, *events: Next, output: Path) -> None:
        super().__init__(*events)
        self.printed: dict[str, dict[str, int]] = {}
        self._output = output

    def receive(self, request: Request) -> tuple[Reply, Verdict] | None:
        sizes = {name: (self._output / name).stat().st_size for name in STREAMS}
        self.printed.setdefault(request.request_id or request.endpoint, sizes)
        return super().receive(request)


def run(group: Group, image: Image) -> PairRun:
    """Run a group in the form that an image has. Raises AssertionError at the deadline."""
    with tempfile.TemporaryDirectory(prefix="parity-") as scratch, ThreadPoolExecutor(2) as pool:
        folder = Path(scratch).resolve()
        task_root = _lay_out(folder, group.files)
        if group.packages:
            image = image_form.add_packages(image, group.packages, folder)
        results = pool.map(lambda side: _run_one(group, side, folder, task_root), _sides(image, group.start))
        (official_cases, official_rest), (our_cases, our_rest) = results
    cases = {name: Both(official_cases[name], our_cases[name]) for name in official_cases}
    return PairRun(cases, Both(official_rest, our_rest))


def _sides(image: Image, start: str) -> tuple[_Side, _Side]:
    start_script = str(image.official / "bootstrap.py")
    official = _Side(
        "official", (str(image.program), start_script), {"LAMBDA_RUNTIME_DIR": str(image.official)}, strict=False
    )
    environ = {"LAMBDA_RUNTIME_DIR": str(image.ours), "PYLAMBDA_PYTHON": str(image.program)}
    command = (str(image.program), str(image.ours / start)) if start else (str(BOOTSTRAP),)
    return official, _Side("ours", command, environ, strict=True)


def _lay_out(folder: Path, files: Mapping[str, str]) -> Path:
    task_root = folder / "task"
    task_root.mkdir()
    for name, text in files.items():
        path = task_root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755 if text.startswith("#!") else 0o644)
    return task_root


def _run_one(group: Group, side: _Side, folder: Path, task_root: Path) -> tuple[dict[str, Observation], Observation]:
    output = folder / side.name
    output.mkdir()
    files = {name: os.open(output / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for name in STREAMS}
    events = [event for case in group.cases for event in case.events]
    try:
        with _Recorder(*events, output=output) as api:
            variables: dict[str, str | None] = {
                **PLATFORM,
                **side.env,
                "HOME": str(task_root),
                "LAMBDA_TASK_ROOT": str(task_root),
                "AWS_LAMBDA_RUNTIME_API": api.address,
                "_HANDLER": group.handler,
                "_LAMBDA_TELEMETRY_LOG_FD": str(files["frames"]) if group.frames else None,
                **{name: value and value.replace("{task root}", str(task_root)) for name, value in group.env.items()},
            }
            wrapper = variables.get("AWS_LAMBDA_EXEC_WRAPPER")
            process = subprocess.Popen(
                # The image's shell script does this for the reference; ours is the script.
                side.command if side.strict or not wrapper else (wrapper, *side.command),
                cwd=task_root,
                env={name: value for name, value in variables.items() if value is not None},
                stdin=subprocess.DEVNULL,
                stdout=files["out"],
                stderr=files["err"],
                pass_fds=[files["frames"]] if group.frames else [],
                start_new_session=True,
            )
            with Serving(api, process, output) as serving:
                what = f"{group.name}: the {side.name} runtime is idle or has ended"
                api.wait_until(lambda: api.idle or serving.ended, what, deadline_s=DEADLINE_S)
                if not side.strict:
                    api.complaints.clear()
                run = serving.stop()
        streams = {name: (output / name).read_bytes() for name in STREAMS}
        return _share(group, run, streams, api.printed)
    finally:
        for descriptor in files.values():
            os.close(descriptor)


def _share(
    group: Group, run: Run, streams: Mapping[str, bytes], printed: Mapping[str, Mapping[str, int]]
) -> tuple[dict[str, Observation], Observation]:
    """Give each case its part of the run; a group's only case gets the whole."""
    if group.alone:
        return {group.cases[0].name: _observe(run.posts, streams, run.exit_code)}, NOTHING
    cases: dict[str, Observation] = {}
    start = done = printed.get("next", {name: len(streams[name]) for name in STREAMS})
    for case, ids in zip(group.cases, _request_ids(group), strict=True):
        end = printed.get(ids[-1], done)
        part = {name: streams[name][done[name] : end[name]] for name in STREAMS}
        cases[case.name] = _observe([post for post in run.posts if post.request_id in ids], part, None)
        done = end
    rest = {name: streams[name][: start[name]] + streams[name][done[name] :] for name in STREAMS}
    return cases, _observe([post for post in run.posts if not post.request_id], rest, run.exit_code)


def _request_ids(group: Group) -> Iterator[list[str]]:
    """The ids that the fake gives the events of each case: it counts from 1."""
    number = 0
    for case in group.cases:
        yield [f"00000000-0000-4000-8000-{number + step:012}" for step in range(1, len(case.events) + 1)]
        number += len(case.events)


def _observe(posts: list[Request], streams: Mapping[str, bytes], code: int | None) -> Observation:
    return Observation(
        tuple(map(post_of, posts)),
        without_runtime_frames(masked(streams["out"])),
        without_runtime_frames(masked(streams["err"])),
        tuple(frames_of(streams["frames"])),
        code,
    )
