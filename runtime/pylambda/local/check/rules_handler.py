"""Whether the handler is there, and traps of web apps that can be seen in their sources."""

import ast
from collections.abc import Iterator

from pylambda.local.check import handlers
from pylambda.local.check.files import FILE, FOLDER, File
from pylambda.local.check.findings import Found, Rule, Severity
from pylambda.local.check.subject import Subject

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
# Hosts that a function URL, an API, a load balancer and a distribution have.
AWS_HOSTS = (".on.aws", ".amazonaws.com", ".cloudfront.net")
# What makes an app, and what a handler that is one has to be called.
MAKERS = {
    "FastAPI": "asgi:", "Starlette": "asgi:", "Quart": "asgi:", "Litestar": "asgi:", "get_asgi_application": "asgi:",
    "Flask": "wsgi:", "Bottle": "wsgi:", "get_wsgi_application": "wsgi:",
}  # fmt: skip


def unnamed(subject: Subject) -> Iterator[Found]:
    if not subject.handler:
        yield Found("", "nothing names a handler", severity=None if subject.target.image else NOTE)


def missing(subject: Subject) -> Iterator[Found]:
    if not subject.handler:
        return
    named = handlers.parse(subject.handler)
    if named is None:
        yield Found("", f"{subject.handler!r} is no handler's name; such as app.handler, asgi:app:app")
        return
    if named.script:
        if subject.target.tree.find(f"{subject.task}/{named.script}") is None:
            yield Found("", f"the script {named.script} is not in the target")
        return
    yield from _missing_in(named, subject)


def _missing_in(named: handlers.Named, subject: Subject) -> Iterator[Found]:
    file, attribute = _module(named, subject)
    if file is None:
        yield Found("", f"there is no module {named.module}, which the handler {subject.handler} names")
        return
    if file.kind != FILE or not file.name.endswith(".py") or not attribute:
        return
    try:
        names = handlers.names_of(file.head(handlers.MOST_SOURCE))
    except SyntaxError as error:
        if _can_judge(subject):
            yield Found(file.path, f"{file.path} is no Python: {error.msg}", error.lineno or 0)
        return
    except (ValueError, RecursionError):
        return
    first = attribute.partition(".")[0]
    if names is not None and first not in names and not _is_submodule(named.module, first, subject):
        yield Found(file.path, f"{file.path} has no {first!r}, which the handler {subject.handler} names")


def _module(named: handlers.Named, subject: Subject) -> tuple[File | None, str]:
    """Return the handler's module, and what is looked for in it: more where the name goes through a class."""
    found = handlers.find(named.module, subject.target.tree, subject.roots)
    parent, dot, last = named.module.rpartition(".")
    if found is None and dot:
        return handlers.find(parent, subject.target.tree, subject.roots), f"{last}.{named.attribute}"
    return found, named.attribute


def _is_submodule(module: str, name: str, subject: Subject) -> bool:
    return handlers.find(f"{module}.{name}", subject.target.tree, subject.roots) is not None


def _can_judge(subject: Subject) -> bool:
    """Whether this Python knows all that the function's may know."""
    import sys

    return subject.python is not None and subject.python <= sys.version_info[:2]


def app(subject: Subject) -> Iterator[Found]:
    named = handlers.parse(subject.handler) if subject.handler else None
    if named is None or named.scheme:
        return
    file, attribute = _module(named, subject)
    for node in _nodes(file) if file else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            maker = ast.unparse(node.value.func).rpartition(".")[2]
            if maker in MAKERS and attribute in [ast.unparse(target) for target in node.targets]:
                mend = f"{MAKERS[maker]}{named.module}:{attribute}"
                yield Found(file.path if file else "", f"{attribute} is made by {maker}: name it {mend}", node.lineno)


def hosts(subject: Subject) -> Iterator[Found]:
    """Yield lists of hosts that have neither `*` nor one of AWS's."""
    for path, file in subject.own_sources.items():
        for node in _nodes(file):
            allowed = _allowed_hosts(node)
            if allowed is None:
                continue
            values = [item.value for item in allowed.elts if isinstance(item, ast.Constant)]
            is_known = len(values) == len(allowed.elts)
            if is_known and not any(str(value).endswith(AWS_HOSTS) or value in ("*", ".aws") for value in values):
                yield Found(path, f"{path} allows {values or 'no host'} and no host of AWS", allowed.lineno)


def _allowed_hosts(node: ast.AST) -> ast.List | ast.Tuple | None:
    value: ast.AST | None = None
    if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["ALLOWED_HOSTS"]:
        value = node.value
    elif isinstance(node, ast.Call):
        value = next((word.value for word in node.keywords if word.arg == "allowed_hosts"), None)
    return value if isinstance(value, ast.List | ast.Tuple) else None


def _nodes(file: File) -> Iterator[ast.AST]:
    try:
        return ast.walk(ast.parse(file.head(handlers.MOST_SOURCE))) if file.kind != FOLDER else iter(())
    except (SyntaxError, ValueError, RecursionError):
        return iter(())


RULES = (
    Rule(
        "PL-HANDLER-NONE", WARNING, "no handler is named",
        "Lambda starts the image's own command; without a handler in it, or in the function's settings, the entry point"
        " ends with 142.",
        'CMD ["app.handler"] in the Dockerfile, `handler = "app.handler"` in [tool.pylambda], or `--handler`.',
        unnamed,
    ),
    Rule(
        "PL-HANDLER", ERROR, "the handler is not there",
        "The function does not start: Runtime.ImportModuleError, Runtime.HandlerNotFound or"
        " Runtime.UserCodeSyntaxError.",
        "Name a file and a function in it: app.handler is `handler` in app.py, in the function's folder.",
        missing,
    ),
    Rule(
        "PL-HANDLER-APP", ERROR, "the handler is a web app",
        "Called with an event and a context, an app fails: its server is missing.",
        "Put what serves it before its name: asgi:app:app or wsgi:app:app (docs/web.md).",
        app,
    ),
    Rule(
        "PL-HOSTS", WARNING, "hosts of AWS are not allowed",
        "The app answers 400 to requests whose host is the function URL's (ID.lambda-url.REGION.on.aws), the API's"
        " (ID.execute-api.REGION.amazonaws.com) or, of health checks, an address.",
        "Add the host that clients use, from a variable say; PYLAMBDA_HEALTH_PATH answers health checks before the"
        " app.",
        hosts,
    ),
)  # fmt: skip
