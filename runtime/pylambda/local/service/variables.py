"""The environment of a worker: what Lambda sets, over what the user has, less what belongs to some other start.

Source: LocalStack's recording of an OS-only function's environment (January 2026), and the defined variables in
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from pylambda import names

ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"
DEFAULT_MEMORY_MB = 3008
# The variables of Lambda that a person sets for a function; the others belong to an environment that is not ours.
SETTABLE = frozenset(
    {
        "AWS_LAMBDA_EXEC_WRAPPER",
        "AWS_LAMBDA_CONCURRENCY_MODE",
        "AWS_LAMBDA_MAX_CONCURRENCY",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        names.LOG_FORMAT,
        names.LOG_LEVEL,
        names.FUNCTION_VERSION,
    }
)
FOREIGN = ("AWS_LAMBDA_", "_LAMBDA_", "_X_AMZN_")
# What tells this process how to serve, and would tell the function something else.
OURS = frozenset({"PYLAMBDA_HOST", "PYLAMBDA_PORT", "PYLAMBDA_EMULATOR", "PYLAMBDA_DEBUG", "PYLAMBDA_RELOAD"})


def region(environ: Mapping[str, str]) -> str:
    """Return the region that the function is told."""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


def function_arn(name: str, qualifier: str, environ: Mapping[str, str]) -> str:
    """Return the ARN under which a function was called."""
    return f"arn:aws:lambda:{region(environ)}:{ACCOUNT}:function:{name}{':' + qualifier if qualifier else ''}"


def worker_variables(
    environ: Mapping[str, str],
    *,
    handler: str,
    name: str,
    memory_mb: int | None,
    task_root: Path,
    runtime_dir: Path,
    python: str,
) -> dict[str, str]:
    """Return a worker's environment, without the Runtime API's address.

    Args:
        environ: the user's.
        handler: the handler's name.
        name: the function's.
        memory_mb: the limit; None for none.
        task_root: the function's folder.
        runtime_dir: the folder that holds `pylambda`.
        python: the interpreter.
    """
    kept = {
        key: value
        for key, value in environ.items()
        if key in SETTABLE or not (key.startswith(FOREIGN) or key in OURS or key == names.HANDLER)
    }
    stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{os.urandom(16).hex()}"
    return {
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        names.FUNCTION_VERSION: "$LATEST",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        **kept,
        "AWS_REGION": region(environ),
        "AWS_DEFAULT_REGION": region(environ),
        names.FUNCTION_NAME: name,
        names.FUNCTION_MEMORY_SIZE: str(memory_mb or DEFAULT_MEMORY_MB),
        names.LOG_GROUP_NAME: f"/aws/lambda/{name}",
        names.LOG_STREAM_NAME: stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        names.TASK_ROOT: str(task_root),
        names.RUNTIME_DIR: str(runtime_dir),
        names.HANDLER: handler,
        names.LOCAL: names.LOCAL_STREAMS,
        "PYLAMBDA_PYTHON": python,
    }
