"""What a new project is made of: folders of templates laid one over the other, a later file over an earlier one.

`templates/` holds files as they stand in a project. `dot.NAME` is `.NAME` there, `%{placeholder}` is a value, and a
`README.part.md` is a section of the project's README. All else is taken as it is.
"""

import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pylambda.names import VERSION

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

PYTHON = "3.12"
REQUIREMENT = (
    "pylambda[local] @ https://github.com/OWNER/pylambda/releases/download/"
    f"v{VERSION}/pylambda-{VERSION}-py3-none-any.whl"
)
PART = "README.part.md"
# A name that ECR repositories, functions, stacks and roles can have; the longest of ours ends in `-pipeline`.
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST_NAME = 50
HANDLERS = {
    "": "app.handler",
    "fastapi": "asgi:app:app",
    "flask": "wsgi:app:app",
    "django": "wsgi:project.wsgi:application",
}
WEB = tuple(filter(None, HANDLERS))
IAC = ("sam", "cdk", "terraform", "cloudformation")


@dataclass(frozen=True)
class Host:
    """Where the code lives, as AWS sees it: who signs its tokens, for whom, and whom they are about on the main branch.

    https://docs.github.com/en/actions/reference/security/oidc and
    https://docs.gitlab.com/ci/cloud_services/aws/ give these.
    """

    issuer: str
    audience: str
    subject: str


HOSTS = {
    "github": Host("token.actions.githubusercontent.com", "sts.amazonaws.com", "repo:${Project}:ref:refs/heads/main"),
    "gitlab": Host("gitlab.com", "https://gitlab.com", "project_path:${Project}:ref_type:branch:ref:main"),
}


class BadName(Exception):
    """Raised when a project cannot have a name; the message is one line."""


class Template(string.Template):
    """A file whose placeholders are `%{name}`: shells, workflows and CloudFormation have `$` for themselves."""

    delimiter = "%"


@dataclass(frozen=True)
class Choice:
    """What somebody asks for.

    Attributes:
        name: of the project.
        web: one of `WEB`, or nothing for a plain handler.
        stream: whether responses stream.
        iac: which of `IAC` there are files for.
        ci: one of `HOSTS`, or nothing.
    """

    name: str
    web: str = ""
    stream: bool = False
    iac: tuple[str, ...] = ()
    ci: str = ""

    def layers(self) -> Iterator[str]:
        """Yield the folders, from the lowest to the one that covers all."""
        yield "common"
        app = self.web or "plain"
        yield f"apps/{app}"
        if self.stream:
            yield f"apps/{app}-stream"
        if self.stream and self.web:
            yield "apps/web-stream"
        yield from (f"iac/{name}" for name in IAC if name in self.iac)
        if self.ci:
            yield from ("ci/common", f"ci/{self.ci}")

    def values(self) -> dict[str, str]:
        """Return what the placeholders stand for."""
        web_streams = bool(self.stream and self.web)
        values = {
            "name": self.name,
            "python": PYTHON,
            "requirement": REQUIREMENT,
            "handler": HANDLERS[self.web],
            "invoke_mode": "RESPONSE_STREAM" if self.stream else "BUFFERED",
            # In an event it cannot be seen whether the front door streams: docs/web.md.
            "variables": "ENV PYLAMBDA_STREAM=url\n" if web_streams else "",
            "serve_settings": '\nenv-file = "local.env" # as ENV in the Dockerfile' if web_streams else "",
        }
        return {**values, **vars(HOSTS[self.ci])} if self.ci else values


def check_name(name: str) -> None:
    """Refuse a name that some part of a deployment could not have.

    Raises:
        BadName: it is one.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise BadName(
            f"{name!r} cannot name a project: small letters, digits and single hyphens, a letter first,"
            f" at most {LONGEST_NAME} of them, such as my-function"
        )


def files(choice: Choice) -> dict[str, str]:
    """Return the text of each file of a project by its place."""
    from importlib import resources  # here and not above: it imports much, and each command is started with this

    # In an image the templates lie in a zip, and have no path.
    templates = resources.files("pylambda.local.new") / "templates"
    sources: dict[str, Traversable] = {}
    parts: list[Traversable] = []
    for layer in choice.layers():
        for place, source in _below(templates.joinpath(*layer.split("/"))):
            if source.name == PART:
                parts.append(source)
            else:
                sources[place] = source
    values = choice.values()
    values["deploy"] = "".join(_filled(part, values) for part in parts)
    return {place: _filled(source, values).rstrip() + "\n" for place, source in sorted(sources.items())}


def write(choice: Choice, folder: Path) -> list[str]:
    """Write a project into a folder that is empty or not there; return the places of its files.

    Raises:
        FileExistsError: something is there.
        OSError: the folder cannot be written.
    """
    folder.mkdir(exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(folder)
    made = files(choice)
    for place, text in made.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(made)


def _below(folder: "Traversable", above: str = "") -> Iterator[tuple[str, "Traversable"]]:
    """Yield each file of a folder with its place in a project; byte code is none of them."""
    for entry in folder.iterdir():
        place = above + re.sub(r"^dot\.", ".", entry.name)
        if entry.is_dir():
            yield from _below(entry, f"{place}/")
        elif not entry.name.endswith(".pyc"):
            yield place, entry


def _filled(source: "Traversable", values: dict[str, str]) -> str:
    return Template(source.read_text()).substitute(values)
