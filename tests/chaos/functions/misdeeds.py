"""What functions do to their process, by name; an event says which, and each leaves the answer to the handler.

Whatever one leaves behind on purpose, `tidy` takes away at the beginning of the next event.
"""

import contextlib
import io
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import time

# Few, so that they are soon used up.
resource.setrlimit(resource.RLIMIT_NOFILE, (128, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
HOARD = []
OWN_STDOUT = sys.stdout
CHUNK = b"x" * 65_536


class Failure(Exception):
    """Raised where an event asks for it."""


class _Unprintable(Exception):
    def __str__(self):
        raise ValueError("has no text")


def tidy():
    for standard in range(3):
        try:
            os.fstat(standard)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    while HOARD:
        with contextlib.suppress(OSError):
            os.close(HOARD.pop())
    sys.stdout = OWN_STDOUT
    socket.setdefaulttimeout(None)
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(tempfile.gettempdir(), "full"))


def fail(event):
    raise Failure(event["token"])


def fail_unprintably(event):
    raise _Unprintable


def recurse(event):
    recurse(event)


def run_out_of_memory(event):
    raise MemoryError(event["token"])


def leave(event):
    sys.exit(3)


def vanish(event):
    os._exit(4)


def vanish_in_a_thread(event):
    thread = threading.Thread(target=os._exit, args=(5,))
    thread.start()
    thread.join()
    time.sleep(60)


def kill_itself(event):
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def fork(event):
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)


def fork_and_return(event):
    child = os.fork()
    if child:
        os.waitpid(child, 0)


def fork_and_raise(event):
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        raise Failure("in the child")
    os.waitpid(child, 0)


def close_descriptors(event):
    os.closerange(0, 21)


def exhaust_descriptors(event):
    opened = []
    try:
        while True:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    finally:
        for one in opened:
            os.close(one)


def hoard_descriptors(event):
    try:
        while True:
            HOARD.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass


def hoard_descriptors_and_fail(event):
    hoard_descriptors(event)
    raise Failure(event["token"])


def fill_tmp(event):
    try:
        with open(os.path.join(tempfile.gettempdir(), "full"), "wb", buffering=0) as file:
            for _ in range(64):  # 4 MiB, where the folder has no bound of its own
                file.write(CHUNK)
    except OSError:
        pass


def start_threads(event):
    for _ in range(8):
        threading.Thread(target=time.sleep, args=(0.001,), daemon=True).start()


def set_socket_defaults(event):
    socket.setdefaulttimeout(0.000001)


def change_directory(event):
    os.chdir("/")


def lose_directory(event):
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)


def replace_stdout(event):
    sys.stdout = io.StringIO()
    print(event["token"])


def close_stdout_object(event):
    with open(os.devnull, "w") as sys.stdout:
        pass


def take_stdout_away(event):
    sys.stdout = None
    print(event["token"])


def raise_in_del(event):
    class Grudge:
        def __del__(self):
            raise Failure("in __del__")

    sys.unraisablehook = lambda unraisable: None
    Grudge()


def lose_environment(event):
    for name in list(os.environ):
        if name.startswith(("AWS_", "LAMBDA_", "PYLAMBDA_")):
            del os.environ[name]


def print_much(event):
    print("x" * 100_000)


def commit(event):
    """Do what an event says."""
    tidy()
    if event["do"]:
        globals()[event["do"]](event)
