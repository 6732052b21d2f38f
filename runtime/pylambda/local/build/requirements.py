"""What a project says it needs, as files that `uv pip install` takes.

The first of these that is there counts: uv.lock, poetry.lock, requirements.txt, the dependencies of pyproject.toml.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pylambda.local.build import poetry, programs
from pylambda.local.build.settings import BuildError, pyproject

UV_LOCK, POETRY_LOCK, REQUIREMENTS, PYPROJECT = "uv.lock", "poetry.lock", "requirements.txt", "pyproject.toml"


@dataclass(frozen=True)
class Requirements:
    """What is to be installed.

    Attributes:
        source: the project's file that says so; empty where nothing does.
        locked: whether each version is settled, so that tomorrow's build installs the same.
        text: the requirements; None where `source` can be handed to uv as it is.
        constraints: the versions and digests of what these lead to; empty where the text has them.
    """

    source: str
    locked: bool
    text: str | None = None
    constraints: str = ""

    def options(self, project: str, scratch: Path, scratch_there: str = "") -> list[str]:
        """Return what to tell uv, writing what it has to read.

        Args:
            project: the project's folder, where uv runs.
            scratch: a folder for files of this build.
            scratch_there: the same where uv runs; empty for here.
        """
        if not self.source:
            return []
        if self.text is None:
            return ["--requirements", f"{project}/{self.source}"]
        written = scratch_there or str(scratch)
        (scratch / "wanted.txt").write_text(self.text)
        options = ["--requirements", f"{written}/wanted.txt"]
        if self.constraints:
            (scratch / "constraints.txt").write_text(self.constraints)
            options += ["--constraints", f"{written}/constraints.txt"]
        return options


def source_of(project: Path) -> str:
    """Return the file that says what a project needs; empty where nothing does.

    Raises:
        OptionError: pyproject.toml is no TOML.
    """
    if (project / UV_LOCK).is_file() and (project / PYPROJECT).is_file():
        return UV_LOCK
    found = next((name for name in (POETRY_LOCK, REQUIREMENTS) if (project / name).is_file()), "")
    return found or (PYPROJECT if pyproject(project).get("project", {}).get("dependencies") else "")


def requirements_of(project: Path, environ: Mapping[str, str]) -> Requirements:
    """Find what a project needs.

    Raises:
        BuildError: a lock cannot be read, or is older than pyproject.toml.
        OptionError: pyproject.toml is no TOML.
    """
    source = source_of(project)
    if source == UV_LOCK:
        return Requirements(source, locked=True, text=_exported(project, environ))
    if source == POETRY_LOCK:
        wanted, pinned = poetry.requirements(project)
        return Requirements(source, locked=True, text=wanted, constraints=pinned)
    if source == REQUIREMENTS:
        return Requirements(source, locked=_is_locked((project / source).read_text()))
    return Requirements(source, locked=not source)


def _exported(project: Path, environ: Mapping[str, str]) -> str:
    words = ("export", "--quiet", "--locked", "--no-dev", "--no-emit-project", "--format", "requirements.txt")
    done = programs.run_uv(environ, *words, cwd=project)
    if done.returncode:
        raise BuildError("uv.lock cannot be used: run `uv lock`", done.stderr.strip())
    return done.stdout


def _is_locked(text: str) -> bool:
    """Whether each requirement names a digest, as those do that `uv pip compile --generate-hashes` wrote."""
    lines = text.replace("\\\n", " ").splitlines()
    return all("--hash=" in line for line in lines if line.strip() and not line.startswith(("#", "-")))
