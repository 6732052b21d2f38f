"""The ways to serve that a round is played in, and what a function does to its process in each.

A misdeed says what the platform must get for it where the process lives on, and whether the process may end of it.
What it does is in `functions/misdeeds.py`, under the same name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

RESULT, FAILURE, EXIT = "its result", "its failure", "its exit"


@dataclass(frozen=True)
class Misdeed:
    """What a function does in an invocation.

    Attributes:
        answer: what the platform must get where the process lives on.
        error_types: of a failure, or of what may come in the place of a result.
        ends: whether the process may end of it.
        forks: whether it is for a process that serves one invocation at a time and has no event loop.
        alone: whether it does to its process what no other invocation in it can live with.
    """

    answer: str = RESULT
    error_types: tuple[str, ...] = ()
    ends: bool = False
    forks: bool = False
    alone: bool = False


MISDEEDS: Mapping[str, Misdeed] = {
    "fail": Misdeed(FAILURE, ("Failure",)),
    "fail_unprintably": Misdeed(FAILURE, ("_Unprintable",)),
    "recurse": Misdeed(FAILURE, ("RecursionError",)),
    "run_out_of_memory": Misdeed(FAILURE, ("MemoryError",)),
    "leave": Misdeed(EXIT, ("Runtime.ExitError",), ends=True),
    "vanish": Misdeed(EXIT, ("Runtime.ExitError",), ends=True, alone=True),
    "vanish_in_a_thread": Misdeed(EXIT, ("Runtime.ExitError",), ends=True, alone=True),
    "kill_itself": Misdeed(EXIT, ("Runtime.ExitError",), ends=True, alone=True),
    "fork": Misdeed(),
    "fork_and_return": Misdeed(forks=True),
    "fork_and_raise": Misdeed(forks=True),
    "close_descriptors": Misdeed(ends=True, alone=True),
    "exhaust_descriptors": Misdeed(),
    "hoard_descriptors": Misdeed(RESULT, ("Runtime.NoDescriptors",), ends=True, alone=True),
    "hoard_descriptors_and_fail": Misdeed(FAILURE, ("Failure",), ends=True, alone=True),
    "fill_tmp": Misdeed(),
    "start_threads": Misdeed(),
    "set_socket_defaults": Misdeed(),
    "change_directory": Misdeed(),
    "lose_directory": Misdeed(),
    "replace_stdout": Misdeed(),
    "close_stdout_object": Misdeed(),
    "take_stdout_away": Misdeed(),
    "raise_in_del": Misdeed(),
    "lose_environment": Misdeed(),
    "print_much": Misdeed(),
}


@dataclass(frozen=True)
class Mode:
    """One way to serve.

    Attributes:
        handler: the function's name.
        at_once: how many invocations are served at the same time.
        env: more variables.
        http: whether the function is a web app, whose failure is an answer with the status 500.
        streams: whether it answers piece by piece, which is not said again.
        supervised: whether a worker's death is answered and the process lives on.
        shares: whether the invocations of a process are served beside each other.
        has_loop: whether they run on an event loop.
    """

    handler: str
    at_once: int = 1
    env: Mapping[str, str] = field(default_factory=dict)
    http: bool = False
    streams: bool = False
    supervised: bool = False
    shares: bool = False
    has_loop: bool = False

    def allows(self, name: str) -> bool:
        """Whether a misdeed can be told from what it does to its neighbours, and is one in this mode."""
        misdeed = MISDEEDS[name]
        if self.shares and misdeed.alone:
            return False
        return not (misdeed.forks and (self.shares or self.has_loop))


def _four(**env: str) -> dict[str, str]:
    return {"AWS_LAMBDA_MAX_CONCURRENCY": "4", **env}


_ON_ONE_LOOP = _four(PYLAMBDA_CONCURRENCY="async")

MODES: Mapping[str, Mode] = {
    "plain": Mode("app.handler"),
    "async": Mode("app.coroutine", has_loop=True),
    "streamed": Mode("app.generator", streams=True),
    "wsgi": Mode("wsgi:app:wsgi", http=True),
    "asgi": Mode("asgi:app:asgi", http=True, has_loop=True),
    "asgi-streamed": Mode("asgi:app:asgi", env={"PYLAMBDA_STREAM": "url"}, http=True, streams=True, has_loop=True),
    "process": Mode("app.handler", 4, _four(PYLAMBDA_CONCURRENCY="process"), supervised=True),
    "prefork": Mode("app.handler", 4, _four(PYLAMBDA_PREFORK="1"), supervised=True),
    "thread": Mode("app.handler", 4, _four(PYLAMBDA_CONCURRENCY="thread"), shares=True),
    "hybrid": Mode("app.handler", 4, _four(AWS_LAMBDA_CONCURRENCY_MODE="hybrid"), supervised=True, shares=True),
    "tasks": Mode("app.coroutine", 4, _ON_ONE_LOOP, shares=True, has_loop=True),
    "asgi-tasks": Mode("asgi:app:asgi", 4, _ON_ONE_LOOP, http=True, shares=True, has_loop=True),
}
