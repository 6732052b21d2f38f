"""A function is started once, as Lambda would start it, to see whether it comes to its first event.

What starts it is its own entry point, with its own search path: a small program beside it plays the part of the
Runtime API, and waits for what comes first, the question for an event or the report of a failure. Of an image that
happens in a container without a network, without a file system to write to, as nobody's user, for a limited time.
"""

import json
import os
import signal
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pylambda.local import RUNTIME_DIR
from pylambda.local.check import handlers
from pylambda.local.check.outcome import Outcome
from pylambda.local.check.subject import Subject

TIMEOUT_S = 30.0
# What a container takes to come and to go, beside what the function takes.
GRACE_S = 30.0
MOST_PROCESSES = 256
# Of this machine's environment, what would make another start of it.
FOREIGN = ("AWS_", "PYLAMBDA_", "PYTHON", "_HANDLER", "_X_AMZN_")
MARK = "pylambda-check: "
# Runs on any Python from 3.8 on, inside the image: the standard library and nothing else.
PROBE = r"""
import http.server, json, os, subprocess, sys, threading
command, limit = json.loads(sys.argv[1]), float(sys.argv[2])
came, answer = threading.Event(), {}
def tell(**what):
    if not came.is_set():
        answer.update(what); came.set()
class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        tell(ready=True)
        threading.Event().wait()
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if "/extension/" in self.path:
            self.send_response(200); self.send_header("Lambda-Extension-Identifier", "0"); reply = b"{}"
        else:
            tell(error=body.decode("utf-8", "replace")[:20000]); self.send_response(202); reply = b"{}"
        self.send_header("content-length", str(len(reply))); self.end_headers(); self.wfile.write(reply)
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:%d" % server.server_address[1]
try:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
except OSError as error:
    print("MARK" + json.dumps({"unstarted": str(error)})); sys.exit()
output = bytearray()
def read():
    for line in child.stdout:
        output.extend(line); del output[:-20000]
    tell(ended=child.wait())
threading.Thread(target=read, daemon=True).start()
came.wait(limit)
answer["output"] = output.decode("utf-8", "replace")
child.kill()
print("MARK" + json.dumps(answer), flush=True)
os._exit(0)
""".replace("MARK", MARK)


def variables_of_lambda(handler: str) -> dict[str, str]:
    """Return what Lambda gives a function, as far as one may count on it while it starts."""
    return {
        "_HANDLER": handler,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "check",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/check",
        "AWS_LAMBDA_LOG_STREAM_NAME": "check",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        # So that a client can be made; no network, so nobody is asked.
        "AWS_ACCESS_KEY_ID": "check",
        "AWS_SECRET_ACCESS_KEY": "check",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def in_image(subject: Subject, docker: str, environ: Mapping[str, str], limit_s: float) -> Outcome:
    """Start an image's function in a container of the image.

    Args:
        subject: the image, by a name that the engine knows.
        docker: the engine's command.
        environ: more variables for the function.
        limit_s: how long it may take.
    """
    image = subject.target.image
    python = next((path for path, _ in subject.interpreters()), "")
    command = [word for word in subject.command if word.rpartition("/")[2] != handlers.EMULATOR]
    if image is None or not python or not command:
        return Outcome(tried=False, why="the image has no Python, or no command")
    if subject.wanted_handler:
        command = [*(image.run.get("Entrypoint") or []), subject.wanted_handler]
    name = f"pylambda-check-{uuid.uuid4().hex[:12]}"
    given = {**variables_of_lambda(subject.handler), **image.variables, **environ}
    words = [
        *(docker, "run", "--rm", "--name", name, "--network", "none", "--read-only", "--user", "993:990"),
        *("--tmpfs", "/tmp:exec,size=512m", "--memory", "2g", "--pids-limit", str(MOST_PROCESSES), "--cap-drop", "ALL"),
        *(word for key, value in given.items() for word in ("--env", f"{key}={value}")),
        *("--entrypoint", python, image.name, "-I", "-c", PROBE, json.dumps(command), str(limit_s)),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=limit_s + GRACE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(tried=False, why=f"the container did not end in {limit_s + GRACE_S:g} s")
    finally:
        subprocess.run((docker, "rm", "--force", name), capture_output=True, check=False)
    return _outcome(done.stdout, done.stderr, limit_s)


def here(folder: Path, handler: str, environ: Mapping[str, str], limit_s: float) -> Outcome:
    """Start a folder's function with this Python.

    Args:
        folder: the function's.
        handler: its name.
        environ: more variables for the function.
        limit_s: how long it may take.
    """
    command = [sys.executable, "-P", "-S", "-u", f"{RUNTIME_DIR}/pylambda/__main__.py"]
    given = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    given |= {
        **variables_of_lambda(handler),
        "LAMBDA_TASK_ROOT": str(folder),
        "LAMBDA_RUNTIME_DIR": RUNTIME_DIR,
    }
    process = subprocess.Popen(
        (sys.executable, "-I", "-c", PROBE, json.dumps(command), str(limit_s)),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        cwd=folder, env={**given, "PYTHONDONTWRITEBYTECODE": "1", **environ}, start_new_session=True,
    )  # fmt: skip
    try:
        out, err = process.communicate(timeout=limit_s + GRACE_S)
    except subprocess.TimeoutExpired:
        return Outcome(tried=False, why=f"the function did not end in {limit_s + GRACE_S:g} s")
    finally:
        _end_group(process)
    return _outcome(out, err, limit_s)


def unzipped(archive: Path, folder: Path) -> None:
    """Unpack a zip for a trial. Raises OSError, zipfile.BadZipFile."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)


def _end_group(process: "subprocess.Popen[str]") -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _outcome(out: str, err: str, limit_s: float) -> Outcome:
    line = next((line for line in out.splitlines()[::-1] if line.startswith(MARK)), "")
    if not line:
        last = (err.strip() or out.strip() or "it said nothing").splitlines()[-1]
        return Outcome(tried=False, why=last)
    said = json.loads(line.removeprefix(MARK))
    output = said.get("output", "")
    if "unstarted" in said:
        return Outcome(why=said["unstarted"])
    if said.get("ready"):
        return Outcome(ready=True, output=output)
    if "error" in said:
        try:
            return Outcome(error=json.loads(said["error"]), output=output)
        except ValueError:
            return Outcome(why=said["error"], output=output)
    if "ended" in said:
        return Outcome(why=f"the process ended with {said['ended']} before it asked for an event", output=output)
    return Outcome(why=f"it asked for no event within {limit_s:g} s", output=output)
