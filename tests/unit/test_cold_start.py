"""A plain handler's cold start imports what it needs and no more. Counts, not times: they hold on any machine."""

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
# Each costs milliseconds, and none is needed until something fails or the function asks for it.
HEAVY = {
    "asyncio", "collections", "dataclasses", "enum", "functools", "http", "importlib.metadata", "inspect", "json",
    "logging", "re", "requests", "runpy", "selectors", "signal", "socket", "ssl", "subprocess", "tempfile",
    "threading", "tomli", "traceback", "types", "typing", "urllib", "warnings", "weakref",
}  # fmt: skip
OURS = {
    "pylambda", "pylambda.api", "pylambda.codec", "pylambda.connection", "pylambda.context", "pylambda.faults",
    "pylambda.handler", "pylambda.invocation", "pylambda.log", "pylambda.log.sinks", "pylambda.loop",
    "pylambda.main", "pylambda.names", "pylambda.search_path", "pylambda.settings", "pylambda.wire",
}  # fmt: skip
# Sees what is loaded when the Runtime API would be asked for work: at import, the runtime's own modules are all there.
HANDLER = """
import sys
with open("modules", "w") as out:
    out.write("\\n".join(sys.modules))
def handler(event, context): return event
"""


ENVIRONMENT = {
    "PYLAMBDA_PYTHON": os.path.realpath(sys.executable),
    "LAMBDA_RUNTIME_DIR": str(CHECKOUT / "runtime"),
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",
    "_HANDLER": "app.handler",
}


def modules_loaded(tmp_path: Path, source: str) -> set[str]:
    """Start the runtime on `source` with a Runtime API that is not there; return what was loaded at its import."""
    (tmp_path / "app.py").write_text(source)
    run = subprocess.run(
        [str(CHECKOUT / "bootstrap")],
        cwd=tmp_path,
        env={**ENVIRONMENT, "LAMBDA_TASK_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Connection refused" in run.stderr
    return set((tmp_path / "modules").read_text().split())


def modules_of_a_bare_interpreter() -> set[str]:
    program = "import sys; print(*sys.modules)"
    run = subprocess.run(
        [ENVIRONMENT["PYLAMBDA_PYTHON"], "-c", program], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_a_plain_handler_loads_nothing_heavy(tmp_path: Path) -> None:
    added = modules_loaded(tmp_path, HANDLER) - modules_of_a_bare_interpreter()
    assert not added & HEAVY


def test_a_plain_handler_loads_only_these_modules_of_ours(tmp_path: Path) -> None:
    ours = {name for name in modules_loaded(tmp_path, HANDLER) if name.startswith("pylambda")}
    assert ours == OURS


def test_a_plain_handler_adds_few_modules_to_the_interpreter(tmp_path: Path) -> None:
    added = modules_loaded(tmp_path, HANDLER) - modules_of_a_bare_interpreter() - OURS
    assert added == {"app", "_json", "_socket"}


def test_logging_is_set_up_only_for_a_function_that_imports_it(tmp_path: Path) -> None:
    logs = modules_loaded(tmp_path, "import logging\n" + HANDLER)
    assert "pylambda.log.records" in logs
    assert "pylambda.log.records" not in OURS
