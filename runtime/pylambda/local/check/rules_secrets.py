"""Secrets that would be pushed: their names and places, never their values."""

import posixpath
import re
from collections.abc import Iterator

from pylambda.local.check.files import FILE, FOLDER, File
from pylambda.local.check.findings import Found, Rule, Severity
from pylambda.local.check.subject import PACKAGES, Subject

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
# Whole words of a variable's name, of which the value is a secret.
SECRET_NAME = re.compile(
    r"(^|_)(SECRETS?|PASSWORD|PASSWD|TOKEN|API_?KEY|PRIVATE_KEY|ACCESS_KEY|CREDENTIALS|SECRET_KEY)(_ID)?$",
    re.IGNORECASE,
)
# A value that is none: empty, a place where one is found, or a stand-in.
NO_SECRET = re.compile(
    r"|/.*|arn:.*|https?://[^:@]*|\$\{?\w+\}?|(change|fill)[-_ ]?me.*|x+|\*+|<.*>"
    r"|(dummy|test|fake|example|placeholder)[\w-]*|true|false|none|null|\d{1,8}",
    re.IGNORECASE,
)
# Tokens by how those who give them out have them begin.
TOKENS = {
    "an AWS access key": rb"(?<![A-Z0-9])(?:AKIA|ASIA)(?![A-Z0-9]*EXAMPLE)[A-Z2-7]{16}(?![A-Z0-9])",
    "a private key": rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=:, -]{16}",
    "a token of GitHub": rb"(?<!\w)(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{50,})",
    "a token of GitLab": rb"(?<![\w-])glpat-[\w-]{20}",
    "a token of Slack": rb"(?<!\w)xox[abprs]-\d{8,}-[\w-]{10,}",
    "a key of Stripe": rb"(?<!\w)[sr]k_live_[A-Za-z0-9]{20,}",
    "a key of Google": rb"(?<!\w)AIza[\w-]{35}(?![\w-])",
    "a token of npm": rb"(?<!\w)npm_[A-Za-z0-9]{36}(?!\w)",
    "a token of PyPI": rb"(?<!\w)pypi-AgEIcHlwaS5vcmc[\w-]{50,}",
    "a key of OpenAI": rb"(?<![\w-])sk-(?:proj-)?[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}",
    "a key of Anthropic": rb"(?<![\w-])sk-ant-[a-z0-9]+-[\w-]{80,}",
}
TOKEN = re.compile(b"|".join(b"(%s)" % expression for expression in TOKENS.values()))
MOST_CONTENT = 1_000_000
# Files that are secrets by their place.
SECRET_FILES = {
    ".aws/credentials", ".netrc", ".pypirc", ".git-credentials", ".docker/config.json", ".kube/config", ".pgpass",
    "id_rsa", "id_ed25519", "id_ecdsa", "id_dsa",
}  # fmt: skip
SETTINGS = re.compile(r"\.env(\.(?!example$|sample$|template$|dist$)[\w-]+)?")
# The system's own, which holds examples and tests.
SYSTEM = re.compile(r"(usr|lib\w*|bin|sbin|etc|var/(lib|cache|lang|runtime|log)|proc|sys|dev|boot)/")
BUILD_ARGUMENTS = re.compile(r"^\|\d+ (.*?) /bin/\w+ -c ", re.DOTALL)


def variables(subject: Subject) -> Iterator[Found]:
    image = subject.target.image
    if image is None:
        return
    for name, value in image.variables.items():
        if _is_secret(name, value):
            yield Found(name, f"ENV sets {name}")
    seen = set()
    for step in image.config.get("history") or []:
        arguments = BUILD_ARGUMENTS.match(step.get("created_by") or "")
        for name, _, value in (word.partition("=") for word in (arguments[1].split() if arguments else [])):
            if name not in seen and _is_secret(name, value):
                seen.add(name)
                yield Found(name, f"the build argument {name} stands in the image's history")


def _is_secret(name: str, value: str) -> bool:
    if TOKEN.search(value.encode(errors="replace")):
        return True
    return SECRET_NAME.search(name) is not None and NO_SECRET.fullmatch(value) is None


def files(subject: Subject) -> Iterator[Found]:
    for file, place in _everything(subject):
        if file.kind != FILE or not file.size or _is_published(file, subject):
            continue
        name = _secret_by_name(file.path)
        if name:
            yield Found(file.path, f"{file.path}{place} is {name}", severity=WARNING if name == "settings" else None)


def _secret_by_name(path: str) -> str:
    if any(path == name or path.endswith(f"/{name}") for name in SECRET_FILES):
        return "a file of credentials"
    return "settings" if SETTINGS.fullmatch(posixpath.basename(path)) else ""


def contents(subject: Subject) -> Iterator[Found]:
    for file, place in _everything(subject):
        is_small = file.kind == FILE and 0 < file.size <= MOST_CONTENT
        if not is_small or SYSTEM.match(file.path) or _is_published(file, subject) or file.name.endswith(".pyc"):
            continue
        data = file.head(MOST_CONTENT)
        for found in TOKEN.finditer(data):
            what = list(TOKENS)[(found.lastindex or 1) - 1]
            line = data.count(b"\n", 0, found.start()) + 1
            yield Found(file.path, f"{file.path}{place} holds {what}", line)
            break


def _everything(subject: Subject) -> Iterator[tuple[File, str]]:
    """Yield all files, and in words those that a later layer hides."""
    yield from ((file, "") for file in subject.target.tree)
    for file in subject.target.hidden:
        yield file, f", in layer {file.layer + 1} and removed or replaced by a later one,"


def _is_published(file: File, subject: Subject) -> bool:
    """Whether everybody has it: a package's, or the image's own system."""
    return file.path in subject.packaged or PACKAGES.search(file.path) is not None


def repository(subject: Subject) -> Iterator[Found]:
    for file in subject.target.tree:
        if file.name in (".git", ".hg") and file.kind == FOLDER and not SYSTEM.match(file.path):
            is_checkout = subject.target.kind == "folder" and "/" not in file.path
            yield Found(file.path, f"{file.path} holds the whole history", severity=NOTE if is_checkout else None)


RULES = (
    Rule(
        "PL-SECRET-ENV", ERROR, "a secret in the image's environment or history",
        "Whoever may pull the image, or see the function's settings in a console, reads it.",
        "Give it at run time: Secrets Manager, Parameter Store, the function's role; in a build `RUN"
        " --mount=type=secret`. Take it for known, and replace it.",
        variables,
    ),
    Rule(
        "PL-SECRET-FILE", ERROR, "a file that is made of secrets",
        "It is pushed with everything else. A file that a later layer removes is pushed too.",
        "Name it in .dockerignore, or COPY by name; rebuild, and replace what was pushed already.",
        files,
    ),
    Rule(
        "PL-SECRET-TOKEN", ERROR, "a key or a token in a file",
        "Whoever may pull the image, or download the function's code, reads it.",
        "Read it at run time from Secrets Manager or Parameter Store, and replace it.",
        contents,
    ),
    Rule(
        "PL-GIT", WARNING, "a repository's history in the target",
        "It may be larger than the function, and holds all that was ever committed.",
        "Name .git in .dockerignore, or COPY by name.",
        repository,
    ),
)  # fmt: skip
