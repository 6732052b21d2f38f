"""Files that the function cannot read or run, and files that it would write where it cannot."""

import ast
import posixpath
from collections.abc import Iterator

from pylambda.local.check import handlers
from pylambda.local.check.files import FILE, FOLDER, File
from pylambda.local.check.findings import Found, Rule, Severity
from pylambda.local.check.subject import Subject

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
# Whom Lambda runs a function as.
USER, GROUP = 993, 990
MOST_HEAD = 1024
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
# Where a function may write: /tmp, devices, and file systems that are mounted below /mnt.
WRITABLE = ("/tmp/", "/dev/", "/proc/self/", "/mnt/")
# Settings of libraries that name a folder for caches.
CACHES = ("MPLCONFIGDIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "TMPDIR")
# Calls that write into the file of their first argument.
WRITERS = {
    "os.makedirs", "os.mkdir", "os.remove", "os.unlink", "logging.FileHandler", "logging.handlers.RotatingFileHandler",
    "logging.handlers.TimedRotatingFileHandler", "RotatingFileHandler", "TimedRotatingFileHandler", "FileHandler",
    "sqlite3.connect", "shelve.open",
}  # fmt: skip
PATH_WRITERS = {"write_text", "write_bytes", "mkdir", "touch"}


def readable(subject: Subject) -> Iterator[Found]:
    """Yield what others cannot read: Lambda runs as a user who owns nothing."""
    for file in [*subject.target.tree.folders_of(subject.task), *subject.files]:
        if file.mode is None or file.kind not in (FILE, FOLDER):
            continue
        wanted = 5 if file.kind == FOLDER else 4
        shift = 6 if file.owner and file.owner[0] == USER else 3 if file.owner and file.owner[1] == GROUP else 0
        if (file.mode >> shift) & wanted != wanted:
            yield Found(file.path, f"{file.path} has mode {file.mode:04o}: user {USER} cannot read it")


def line_ends(subject: Subject) -> Iterator[Found]:
    image = subject.target.image
    wrapper = image.variables.get(WRAPPER, "") if image else ""
    started = {path.strip("/") for path in (*subject.command[:1], wrapper) if path}
    scripts = {file.path: file for file in subject.files if file.kind == FILE and _may_be_run(file)}
    for path in started:
        if (found := subject.target.tree.find(path)) and found.kind == FILE:
            scripts[found.path] = found
    for file in scripts.values():
        first, _, _rest = file.head(MOST_HEAD).partition(b"\n")
        if first.startswith(b"#!") and first.endswith(b"\r"):
            is_started = file.path in started or file.path.startswith("opt/extensions/") or file.name == "bootstrap"
            yield Found(file.path, f"{file.path} has Windows line ends", 1, None if is_started else WARNING)


def _may_be_run(file: File) -> bool:
    is_marked = file.mode is not None and bool(file.mode & 0o111)
    return (is_marked or file.name.endswith(".sh") or file.name == "bootstrap") and not file.name.endswith(".so")


def writes(subject: Subject) -> Iterator[Found]:
    """Yield calls of the function's own code that write to a place that is spelled out, and that is not /tmp."""
    for path, file in subject.own_sources.items():
        try:
            tree = ast.parse(file.head(handlers.MOST_SOURCE))
        except (SyntaxError, ValueError, RecursionError):
            continue
        for node in _run_in_lambda(tree):
            place = _written(node)
            if place is not None and not _is_writable(place):
                yield Found(path, f"writes to {place!r}", node.lineno)  # type: ignore[attr-defined]
    image = subject.target.image
    for name in CACHES if image else ():
        folder = image.variables.get(name, "/tmp") if image else "/tmp"
        if not _is_writable(folder):
            yield Found(name, f"{name} names {folder}, which cannot be written")


def _run_in_lambda(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes but those that only a run as a script comes to."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
            continue
        yield node
        yield from _run_in_lambda(node)


def _written(node: ast.AST) -> str | None:
    """Return the path that a call writes to, where it is spelled out."""
    if not isinstance(node, ast.Call):
        return None
    name = ast.unparse(node.func)
    keywords = {word.arg: _text(word.value) for word in node.keywords}
    arguments = [_text(argument) for argument in node.args]
    first = arguments[0] if arguments else keywords.get("file") or keywords.get("filename")
    if name in ("open", "io.open"):
        mode = keywords.get("mode") or (arguments[1] if len(arguments) > 1 else None) or "r"
        return first if set(mode) & set("wax+") else None
    if name == "logging.basicConfig":
        return keywords.get("filename")
    if name == "sqlite3.connect" and first and (first == ":memory:" or first.startswith("file:")):
        return None
    if name in WRITERS:
        return first
    return _written_by_path(node, arguments)


def _written_by_path(node: ast.Call, arguments: list[str | None]) -> str | None:
    method = node.func
    if not isinstance(method, ast.Attribute) or not isinstance(method.value, ast.Call):
        return None
    if ast.unparse(method.value.func) not in ("Path", "pathlib.Path") or len(method.value.args) != 1:
        return None
    opens = method.attr == "open" and arguments and set(arguments[0] or "") & set("wax+")
    return _text(method.value.args[0]) if method.attr in PATH_WRITERS or opens else None


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_writable(place: str) -> bool:
    return f"{posixpath.normpath(place)}/".startswith(WRITABLE)


RULES = (
    Rule(
        "PL-READ", ERROR, "a file that the function cannot read",
        "Lambda runs the function as a user who owns nothing in it: `Permission denied`, or `No module named`.",
        "chmod -R a+rX . before the build or the zip, or RUN chmod -R a+rX ${LAMBDA_TASK_ROOT} in the Dockerfile.",
        readable,
    ),
    Rule(
        "PL-CRLF", ERROR, "a script with Windows line ends",
        "The kernel looks for a program whose name ends with a carriage return: `no such file or directory`.",
        "Save it with line feeds alone (`sed -i 's/\\r$//' FILE`), and keep it so: `* text=auto eol=lf` in"
        " .gitattributes.",
        line_ends,
    ),
    Rule(
        "PL-WRITE", WARNING, "a write outside of /tmp",
        "Lambda's file system cannot be written but for /tmp: `OSError: [Errno 30] Read-only file system`.",
        "Write below /tmp, or into a service; logs go to standard output.",
        writes,
    ),
)  # fmt: skip
