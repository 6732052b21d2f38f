"""Images under what careful people put on a container, and under what a machine may lack, as Lambda starts them.

Lambda's side runs inside of the container (`function/lambda_side.py`), so that it may be cut off from everything.
`make hardening` tries all conditions, `make test` the first of each table.
"""

import json
import os
import random
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.image.cli import Container, Docker, Image, Start, command
from tests.image.standin import ROOT

pytestmark = [pytest.mark.needs("engine"), pytest.mark.only("slim"), pytest.mark.timeout(600)]

FUNCTION = Path(__file__).with_name("function")
PLACES = {"lambda_side.py": "/lambda_side.py", "hardened.py": "/var/task/hardened.py"}
MOUNTED = [word for name, place in PLACES.items() for word in ("--volume", f"{FUNCTION / name}:{place}:ro")]
SIDE = ("--entrypoint", "/var/lang/bin/python3")
URL_EVENT = json.loads((ROOT / "tests/events/function-url.json").read_text())
NO_PRIVILEGES = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
SMALL = ("--read-only", "--pids-limit", "64", "--memory", "128m")
CUT_OFF = ("--network", "none")  # and so without DNS
TMP = ("--tmpfs", "/tmp")
LAMBDAS_USER = ("--user", "993:990")
# Root, for Lambda's side to start the runtime as others, and to end it.
STARTS_AS_OTHERS = ("--cap-add", "SETUID", "--cap-add", "SETGID", "--cap-add", "KILL")
HARDENED = (*NO_PRIVILEGES, *SMALL, *CUT_OFF, *LAMBDAS_USER)
PROCESSES = {"AWS_LAMBDA_MAX_CONCURRENCY": "4", "PYLAMBDA_CONCURRENCY": "process"}
HAS_IPV6 = Path("/proc/sys/net/ipv6").exists()
NO_IPV6 = ("--sysctl", "net.ipv6.conf.all.disable_ipv6=1") if HAS_IPV6 else ()
SERVED = "response"
ALL = bool(os.environ.get("PYLAMBDA_TEST_HARDENING"))
USERS = 50 if ALL else 5


class Kind(NamedTuple):
    """One kind of function: how it is started, and what comes of its event."""

    start: dict[str, Any]
    answer: list[Any]


KINDS = {
    "plain": Kind({"handler": "hardened.plain", "events": [1]}, [SERVED, [1, 993]]),
    "async": Kind({"handler": "hardened.asynchronous", "events": [2]}, [SERVED, 2]),
    "web": Kind({"handler": "asgi:hardened:app", "events": [URL_EVENT]}, [SERVED, "/orders"]),
    "command": Kind({"handler": "console:hardened.py", "events": ["a b"]}, [SERVED, "ran a b"]),
    "several at once": Kind({"handler": "hardened.plain", "events": [3, 4], "env": PROCESSES}, [SERVED, [3, 993]]),
    "failing": Kind({"handler": "hardened.failing", "events": ["no"]}, ["error", "ValueError"]),
}
# Each beside the above; what a machine may lack, or a careful person takes away.
CONDITIONS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "as Lambda runs it": ((*HARDENED, *TMP), {}),
    "a full /tmp": ((*HARDENED, "--tmpfs", "/tmp:size=4k,nr_inodes=1"), {}),
    "no /tmp to write to": (HARDENED, {}),
    "no /dev/shm": ((*HARDENED, *TMP, "--ipc", "none"), {}),
    "no IPv6": ((*HARDENED, *TMP, *NO_IPV6), {}),
}
if HAS_IPV6:
    # Lambda's side takes the address away
    ONLY_IPV6 = ("--cap-add", "NET_ADMIN", "--sysctl", "net.ipv6.conf.all.disable_ipv6=0")
    CONDITIONS["nothing but IPv6"] = (
        (*NO_PRIVILEGES, *SMALL, *CUT_OFF, *TMP, *STARTS_AS_OTHERS, *ONLY_IPV6),
        {"host": "::1", "without_ipv4": True, "users": [993]},
    )


def chosen(conditions: Iterable[Any]) -> list[Any]:
    """All of them, or the first."""
    return list(conditions)[: None if ALL else 1]


def in_lambda(docker: Docker, image: str, options: tuple[str, ...], **todo: Any) -> list[dict[str, Any]]:
    """Run Lambda's side in a container; return what came of each start."""
    ended = docker.run(image, "/lambda_side.py", json.dumps(todo), options=(*MOUNTED, *SIDE, *options))
    assert ended.code == 0, ended.err
    results: list[dict[str, Any]] = json.loads(ended.out.splitlines()[-1])
    return results


@pytest.mark.parametrize("condition", chosen(CONDITIONS))
def test_every_kind_of_function_is_served_under(condition: str, image: Image, docker: Docker) -> None:
    options, more = CONDITIONS[condition]
    results = in_lambda(docker, image.tag, options, starts=[kind.start for kind in KINDS.values()], **more)
    for (name, kind), result in zip(KINDS.items(), results, strict=True):
        endpoint, body = kind.answer
        assert None not in result["answers"], (name, result["printed"])
        assert result["answers"][0][0] == endpoint, (name, result)
        assert json.dumps(body).strip('"') in json.dumps(result["answers"][0][1]), name
        assert "pylambda: " not in result["printed"], name


def test_whoever_the_user_is(image: Image, docker: Docker) -> None:
    # Given users that no system knows, drawn anew each time, and the last that there may be
    users = [*random.sample(range(1, 2**31), USERS - 1), 2**32 - 2]
    options = (*NO_PRIVILEGES, *SMALL, *CUT_OFF, *TMP, *STARTS_AS_OTHERS)
    results = in_lambda(docker, image.tag, options, starts=[KINDS["plain"].start], users=users)
    assert [result["answers"] for result in results] == [[[SERVED, [1, user]]] for user in users]


EMULATORS_CONDITIONS = {
    "as Lambda runs it": TMP,
    "a full /tmp": ("--tmpfs", "/tmp:size=4k,nr_inodes=1"),
    "no /dev/shm": (*TMP, "--ipc", "none"),
    "no IPv6": (*TMP, *NO_IPV6),
    "no DNS": (*TMP, "--dns", "127.0.0.1"),
}


@pytest.mark.parametrize("condition", chosen(EMULATORS_CONDITIONS))
def test_the_emulator_serves_under(condition: str, image: Image, start: Start) -> None:
    options = (*MOUNTED, *NO_PRIVILEGES, *SMALL, *LAMBDAS_USER, *EMULATORS_CONDITIONS[condition])
    assert start(image.tag, "hardened.plain", options=options).invoke(1) == [1, 993]


# --- The clock ---


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The options by which the clock of a container is set by a file."""
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    command("cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(FUNCTION / "clock.c"))
    return ("--volume", f"{library}:/clock.so:ro", "--env", "LD_PRELOAD=/clock.so", "--tmpfs", "/clock:mode=1777")


@pytest.mark.needs("cc")
@pytest.mark.parametrize("mode", chosen(["one at a time", "several at once"]))
@pytest.mark.parametrize("hours", chosen([1, -1]))
def test_a_clock_that_jumps_costs_no_invocation(
    hours: int, mode: str, clock: tuple[str, ...], image: Image, docker: Docker
) -> None:
    # Given a clock that is set by an hour in the middle of an invocation, and back in the middle of the next one
    jumps = [hours * 3600, 0, hours * 3600, 0]
    env = {"PYLAMBDA_CONCURRENCY": "async", "AWS_LAMBDA_MAX_CONCURRENCY": "1"} if mode != "one at a time" else {}
    starts = [
        {"handler": "hardened.jump", "events": jumps, "env": env},
        {"handler": "hardened.jump_and_log", "events": jumps, "env": {**env, "AWS_LAMBDA_LOG_FORMAT": "JSON"}},
    ]
    is_async, plain = in_lambda(docker, image.tag, (*HARDENED, *TMP, *clock), starts=starts)
    # Then each is answered: none is cancelled as late, and each had its whole time before it
    assert [answer[0] for answer in is_async["answers"] + plain["answers"]] == [SERVED] * 8, is_async["printed"]
    left_ms, moved = zip(*(answer[1] for answer in is_async["answers"]), strict=True)
    assert moved == (hours, -hours, hours, -hours)
    assert all(0 < left <= 30_000 for left in left_ms)
    # And what is logged has the clock's time
    stamps = re.findall(r'"timestamp": "\d+-\d+-\d+T(\d+)', plain["printed"])
    assert len(set(stamps)) > 1


# --- Modes of files ---

# Files that anybody may write, or that run as somebody else.
LOOSE = """
import os, stat
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/dev")]
    for name in [*folders, *files]:
        path = os.path.join(folder, name)
        mode = os.lstat(path).st_mode
        sticky = stat.S_ISDIR(mode) and mode & stat.S_ISVTX
        if not stat.S_ISLNK(mode) and (mode & (stat.S_ISUID | stat.S_ISGID) or mode & stat.S_IWOTH and not sticky):
            print(f"{stat.S_IMODE(mode):o} {path}")
"""


def test_no_file_of_ours_is_loose(image: Image, docker: Docker, inside: Container) -> None:
    found = inside.says("python", "-I", "-c", LOOSE).splitlines()
    # Given those of the base, which are its own
    paths = [line.partition(" ")[2] for line in found]
    stat = docker.run(image.base, "-c", "%a %n", *paths, options=("--entrypoint", "stat")) if paths else None
    of_base = stat.out.splitlines() if stat else []
    # Then there is no other
    assert set(found) - set(of_base) == set()
