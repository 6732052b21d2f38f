"""Where a worker prints: to descriptors that the platform gives it, where it gives some.

Source: awslambdaric 4.2.2, `lambda_multi_concurrent_utils.py`: a connection for each of stdout and stderr, put in its
place. The parent keeps what it was started with.
"""

import os
import socket
from typing import TYPE_CHECKING

from pylambda import names
from pylambda.log.sinks import timestamp, warn

if TYPE_CHECKING:
    from pylambda.start.settings import Settings
    from pylambda.workers.host import Host

STDOUT, STDERR = 1, 2
LEVEL_DEBUG = 10
POOL_EVENT = "runtime_worker_pool_initializing"


def redirect(settings: "Settings") -> None:
    """Connect stdout and stderr to the platform's socket, where there is one."""
    path = settings.environ.get(names.LOG_PROVIDER_SOCKET)
    if not path:
        return
    for descriptor in (STDOUT, STDERR):
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(path)
                os.dup2(connection.fileno(), descriptor)
        except OSError as error:
            warn(f"descriptor {descriptor} stays what it is: {names.LOG_PROVIDER_SOCKET} is {path!r}: {error}")
            return


def announce(host: "Host", workers: int, count: int) -> None:
    """Log how many workers there will be, at the level DEBUG, as the official client does."""
    if host.settings.log_level != "DEBUG":
        return
    from time import time

    from pylambda.payload import codec

    event = {"event": POOL_EVENT, "workerCount": workers, "executionEnvironmentMaxConcurrency": count}
    when = timestamp(time())
    if host.settings.log_json:
        record = {"timestamp": when, "level": "DEBUG", "message": event, "logger": "root", "requestId": ""}
        text = codec.to_json(record).decode()
    else:
        text = f"[DEBUG]\t{when}\t\t{event}"
    host.sink.record(f"{text}\n", LEVEL_DEBUG, typed=True)
