"""`python -m tests.fuzz.guided TARGET FOLDER... [libFuzzer's options]`: bytes that reach new lines of the runtime.

atheris watches which lines of `pylambda` each input reaches and goes on from those that reached new ones. A target is
a property of the suite that takes bytes; its corpus in `corpus/TARGET/` holds what was worth keeping, and the suite
looks at each of them once.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import atheris

CORPUS = Path(__file__).with_name("corpus")


def targets() -> dict[str, Callable[[bytes], object]]:
    """Return the properties by the names of their corpora."""
    from tests.fuzz import test_json, test_names, test_replies, test_web

    def inner(test: object) -> Callable[..., object]:
        return test.hypothesis.inner_test  # type: ignore[attr-defined,no-any-return]

    def cut(data: bytes) -> None:
        # The first two bytes say where it is cut.
        inner(test_replies.test_cuts_change_nothing)(data[2:], list(data[:2]))

    def event(data: bytes) -> None:
        try:
            made = json.loads(data)
        except (ValueError, RecursionError):
            return
        test_web.take(made)

    def context(data: bytes) -> None:
        inner(test_names.test_a_client_context_is_an_object_or_refused)(data.decode(errors="replace"))

    return {
        "replies": test_replies.alike_where_h11_takes_it,
        "cuts": cut,
        "events": inner(test_json.test_junk_is_an_event_where_it_is_one_for_the_official_client),
        "requests": event,
        "contexts": context,
    }


def main() -> None:
    name, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["pylambda"]):
        target = targets()[name]
    atheris.Setup([sys.argv[0], *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
