"""`python -m awslambdaric app.handler`, the entry point in many Dockerfiles: starts the runtime."""

import sys

from pylambda import names
from pylambda.main import main as serve
from pylambda.start.environment import Environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main(args: "list[str]") -> "NoReturn":
    """Serve a handler until the platform ends the process.

    Args:
        args: a program's arguments, the handler's name second; without it, `_HANDLER` names the handler.

    Raises:
        SystemExit: always, with the exit code.
    """
    if len(args) > 1:
        Environment()[names.HANDLER] = args[1]
    sys.exit(serve())


def __getattr__(name: str) -> object:
    # Integrations look for `bootstrap` here; a start that nobody looks at does without.
    if name != "bootstrap":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import bootstrap

    return bootstrap


if __name__ == "__main__":
    main(sys.argv)
