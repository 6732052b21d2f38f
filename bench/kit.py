"""Everything that a run needs, made in build/bench: two C programs, an interpreter, and copies.

All runtimes run on one interpreter, which has the official client installed and nothing else, as an image would have
it; it is no virtual environment, for those cost their own time to start. Byte code is warm for each: the official
client's is what pip wrote, ours is compiled with unchecked hashes as images/Dockerfile does. The functions have none,
as in Lambda, where the file system is read-only and a deployment rarely brings any.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SOURCES = CHECKOUT / "bench"
BUILD = CHECKOUT / "build" / "bench"
C_FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra")
# The program, its prefix, and the one or two folders of its standard library.
WHERE_IT_LIES = """
import os, sys, sysconfig
print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)), sys.base_prefix, sep="\\n")
for name in sorted({"stdlib", "platstdlib"}, reverse=True):
    print(sysconfig.get_path(name, vars={"installed_base": sys.base_prefix, "platbase": sys.base_exec_prefix}))
"""
# Where an image has its interpreter.
IMAGE_PYTHON = "/var/lang/bin/python3"
# The least that starts what an image starts: without the steps of `bootstrap`, which need a shell.
STRAIGHT = """\
#!{python} -PSu
import marshal
__file__ = {program!r}
exec(marshal.loads(open(__file__, "rb").read()[16:]))
"""
# As images/Dockerfile does it. Another checkout may be from before there was the one or the other, or they moved.
RECORD = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for module, step in ("installed", "record"), ("cold_path", "write"):
    for room in "pylambda.start", "pylambda":
        try:
            found = importlib.import_module(f"{room}.{module}")
        except ImportError:
            continue
        getattr(found, step)(sys.argv[1])
        break
if hasattr(found, "write_byte_code"):
    found.write_byte_code(sys.argv[1] + "/pylambda", sys.argv[1] + "/pylambda")
"""
# What a Linux distribution has beside its standard library and a Lambda image has not: packages, and a hook.
NOT_IN_AN_IMAGE = ("site-packages", "dist-packages", "EXTERNALLY-MANAGED", "sitecustomize.py")
# What boto3 imports, all of it pure Python; `six` is a single module.
BOTO3_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")


class BenchError(Exception):
    """Raised when something cannot be made or measured. The message is one line for people."""


@dataclass(frozen=True)
class Kit:
    """Where things lie.

    Attributes:
        server: the load program.
        echo: the C runtime.
        python: the interpreter that every Python runtime runs on.
        runtime: the folder that holds `bootstrap` and `pylambda`, byte-compiled, and `straight`.
        versus: the same of another checkout, or None.
        task: the functions.
    """

    server: Path
    echo: Path
    python: Path
    runtime: Path
    task: Path
    versus: Path | None = None


def prepare(python: str, *, peer: bool = True, versus: Path | None = None) -> Kit:
    """Make what is missing or stale.

    Args:
        python: the interpreter to measure on.
        peer: whether the official client is wanted; without it nothing is downloaded.
        versus: another checkout, to compare with.

    Raises:
        BenchError: there is no compiler, no such interpreter, or no way to the package index.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    server, echo = compile_c("server"), compile_c("echo")
    own_python = make_interpreter(python, peer=peer)
    runtime = copy_runtime(own_python, CHECKOUT, "runtime")
    other = copy_runtime(own_python, versus, "versus") if versus else None
    return Kit(server, echo, own_python, runtime, copy_functions(), other)


def compile_c(name: str) -> Path:
    """Compile bench/NAME.c where it changed; return the program.

    Raises:
        BenchError: there is no compiler, or it refuses.
    """
    source, program = SOURCES / f"{name}.c", BUILD / name
    compiler = shutil.which("cc")
    if compiler is None:
        raise BenchError("the load program is written in C and there is no cc: apt-get install gcc libc6-dev")
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        # Under a name of its own until it is whole: another run may be about to start it.
        fresh = program.with_suffix(".new")
        _run([compiler, *C_FLAGS, "-o", str(fresh), str(source)], f"{source} does not compile")
        fresh.replace(program)
    return program


def make_interpreter(python: str, *, peer: bool) -> Path:
    """Make an interpreter with packages of its own: a copy of the program, links to its standard library.

    Args:
        python: what it is made from.
        peer: whether the official client is installed in it.

    Raises:
        BenchError: there is no such interpreter, or the client cannot be had.
    """
    lock = SOURCES / "peer.lock"
    prefix = BUILD / f"python-{version_of(python)}{'-with-peer' if peer else ''}"
    made_from = hashlib.sha256(lock.read_bytes() + python.encode()).hexdigest()
    stamp, own_python = prefix / "made-from", prefix / "bin" / "python3"
    if stamp.exists() and stamp.read_text() == made_from:
        return own_python
    shutil.rmtree(prefix, ignore_errors=True)
    own_python.parent.mkdir(parents=True)
    program, base, *libraries = _run([python, "-c", WHERE_IT_LIES], f"{python} does not run").splitlines()
    # A copy: through a link the interpreter would find the prefix that it comes from.
    shutil.copy2(program, own_python)
    for library in libraries:
        _link_library(Path(library), prefix / Path(library).relative_to(base))
    packages = packages_of(own_python)
    packages.mkdir(parents=True, exist_ok=True)
    if peer:
        install = ["install", "--quiet", "--require-hashes", "--only-binary=:all:", "--requirement", str(lock)]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(own_python)]
        _run([*pip, *install, "--target", str(packages)], "the official client cannot be installed")
    stamp.write_text(made_from)
    return own_python


def _link_library(library: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for entry in library.iterdir():
        link = folder / entry.name
        if entry.name not in NOT_IN_AN_IMAGE and not link.exists():
            link.symlink_to(entry)


def packages_of(python: Path) -> Path:
    """Where packages are installed for an interpreter. Raises BenchError where it does not run."""
    ask = "import site; print(site.getsitepackages()[-1])"
    return Path(_run([str(python), "-c", ask], f"{python} does not run").strip())


def version_of(python: str | Path) -> str:
    """The version of an interpreter, such as 3.12.4. Raises BenchError where it is none."""
    program = "import platform; print(platform.python_version())"
    return _run([str(python), "-c", program], f"{python} does not run").strip()


def copy_runtime(python: Path, checkout: Path, name: str) -> Path:
    """Copy a checkout's runtime and bootstrap as /var/runtime has them, compiled for `python`; return the copy.

    Raises:
        BenchError: it is no checkout.
    """
    folder = BUILD / f"{name}-{python.parent.parent.name}"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        shutil.copytree(checkout / "runtime", folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        text = (checkout / "bootstrap").read_text()
    except OSError as error:
        raise BenchError(f"{checkout} is no checkout of pylambda: {error}") from None
    compile_all = [str(python), "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder)]
    _run(compile_all, f"{folder} does not compile")
    _run([str(python), "-c", RECORD, str(folder)], f"{folder} takes no record of what is installed")
    # With the version in it, as an image's build writes it.
    version = ".".join(version_of(python).split(".")[:2])
    bootstrap = text.replace(IMAGE_PYTHON, str(python)).replace("\nversion=\n", f"\nversion={version}\n")
    write_script(folder / "bootstrap", bootstrap)
    write_script(folder / "straight", STRAIGHT.format(python=python, program=str(folder / "cold-path.pyc")))
    return folder


def write_script(file: Path, text: str) -> None:
    """Write a program that can be started."""
    file.unlink(missing_ok=True)  # it may be a link to the checkout's
    file.write_text(text)
    file.chmod(0o755)


def copy_functions() -> Path:
    """Copy bench/functions, with boto3 beside them as `pip install --target` would put it; return the copy."""
    folder = BUILD / "task"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SOURCES / "functions", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def bundle_boto3(kit: Kit) -> bool:
    """Put the development environment's boto3 beside the functions; return whether there is one."""
    if importlib.util.find_spec("boto3") is None:
        return False
    for package in BOTO3_PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            return False
        origin = Path(spec.origin)
        found = origin.parent if origin.name == "__init__.py" else origin
        target = kit.task / found.name
        if not target.exists():
            target.symlink_to(found)
        _run([str(kit.python), "-m", "compileall", "-q", str(found)], f"{found} does not compile")
    return True


def bundle_lock(kit: Kit, name: str) -> bool:
    """Put what bench/NAME.lock installs beside the functions.

    Raises:
        BenchError: it cannot be had.
    """
    lock = SOURCES / f"{name}.lock"
    folder = BUILD / f"{name}-{kit.python.parent.parent.name}"
    made_from = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / "made-from"
    if not stamp.exists() or stamp.read_text() != made_from:
        shutil.rmtree(folder, ignore_errors=True)
        install = ["install", "--quiet", "--require-hashes", "--only-binary=:all:", "--requirement", str(lock)]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(kit.python)]
        _run([*pip, *install, "--target", str(folder)], f"what {lock} names cannot be installed")
        stamp.write_text(made_from)
    for entry in folder.iterdir():
        target = kit.task / entry.name
        if not target.exists():
            target.symlink_to(entry)
    return True


def _run(command: list[str], failure: str) -> str:
    try:
        # Byte code has no columns of lines in an image.
        environ = {**os.environ, "PYTHONNODEBUGRANGES": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    except OSError as error:
        raise BenchError(f"{failure}: {error.strerror}") from None
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout).strip().splitlines() or [f"exit code {error.returncode}"]
        raise BenchError(f"{failure}: {lines[-1]}") from None
    return done.stdout
