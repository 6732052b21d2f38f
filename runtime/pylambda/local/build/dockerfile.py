"""Writes the Dockerfile and the .dockerignore that a project lacks. What is there is never written over.

The classic builder, BuildKit and buildah all build it: no here-documents, no RUN --mount.
"""

import json
import re

from pylambda.local import file_beside
from pylambda.local.build import files
from pylambda.local.build.requirements import POETRY_LOCK, PYPROJECT, REQUIREMENTS, UV_LOCK, source_of
from pylambda.local.build.settings import BuildError, Settings

DOCKERFILE, DOCKERIGNORE = "Dockerfile", ".dockerignore"
FIRST_LINES = """\
# Written by `pylambda build --image`, and yours from now on: what is here is not written over.
ARG BASE={base}
"""
TARGET = "/packages${LAMBDA_TASK_ROOT}"
UV = f"uv pip install --target {TARGET}"
EXPORT = "uv export --quiet --locked --no-dev --no-emit-project --format requirements.txt --output-file locked.txt"
# The files that name what a function needs, and how it is installed from them.
INSTALL = {
    UV_LOCK: ((PYPROJECT, UV_LOCK), f"{EXPORT} \\\n    && {UV} --requirements locked.txt"),
    POETRY_LOCK: ((PYPROJECT, POETRY_LOCK), f"pylambda build --packages {TARGET}"),
    REQUIREMENTS: (("requirements*.txt",), f"{UV} --requirements {REQUIREMENTS}"),
    PYPROJECT: ((PYPROJECT,), f"{UV} --requirements {PYPROJECT}"),
}
# A file and what it has, where nobody said what the handler is: as in our documents, and as Lambda's console writes it.
USUAL_HANDLERS = (("app", "handler"), ("lambda_function", "lambda_handler"))


def write_missing(settings: Settings) -> list[str]:
    """Write what the project lacks; return the names of what was written.

    Raises:
        BuildError: nothing says which handler the image is to start.
    """
    written = []
    for name, text in ((DOCKERFILE, dockerfile), (DOCKERIGNORE, dockerignore)):
        if not (settings.folder / name).exists():
            (settings.folder / name).write_text(text(settings))
            written.append(name)
    return written


def dockerfile(settings: Settings) -> str:
    """Return a Dockerfile of two stages for what a project has.

    Raises:
        BuildError: nothing says which handler the image is to start.
    """
    source = source_of(settings.folder)
    text = FIRST_LINES.format(base=settings.base)
    copy = ""
    if source:
        names, install = INSTALL[source]
        text += _template("packages", FILES=" ".join(names), INSTALL=install)
        copy = "COPY --from=packages /packages/ /\n"
    root = settings.root.relative_to(settings.folder).as_posix() if settings.root != settings.folder else "."
    return text + _template("function", ROOT=root, COPY=copy, HANDLER=handler(settings))


def dockerignore(settings: Settings) -> str:
    """Return what stays out of an image: as out of a zip, but for the files that name what is installed."""
    kept = {name for names, _install in INSTALL.values() for name in names}
    patterns = [f"**/{pattern}" for pattern in files.LEFT_OUT]
    patterns += [name for name in files.LEFT_OUT_AT_TOP if name not in kept]
    patterns += [pattern if "/" in pattern else f"**/{pattern}" for pattern in settings.exclude]
    return "\n".join(["# Written by `pylambda build --image`, and yours from now on.", *patterns, ""])


def handler(settings: Settings) -> str:
    """Return the handler that the image starts: as it is set, else where it usually is.

    Raises:
        BuildError: it is nowhere.
    """
    if settings.handler:
        return json.dumps(settings.handler)[1:-1]
    for module, name in USUAL_HANDLERS:
        file = settings.root / f"{module}.py"
        if file.is_file() and re.search(rf"^(async )?def {name}\(|^{name} = ", file.read_text(), re.MULTILINE):
            return f"{module}.{name}"
    raise BuildError("which handler is the image to start? --handler app.handler, or handler in [tool.pylambda]")


def _template(name: str, **values: str) -> str:
    text = file_beside(__name__, f"templates/{name}.dockerfile").decode()
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text
