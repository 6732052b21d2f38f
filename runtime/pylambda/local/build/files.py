"""The project's own files: all but what no function needs, and what must not leave this machine."""

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from pylambda.local.build.settings import BuildError

# By name, anywhere in the tree. What begins with a dot is a tool's or a secret: .git, .venv, .env, .aws-sam.
LEFT_OUT = (
    ".*",
    "__pycache__",
    "*.py[cod]",
    "*.egg-info",
    "node_modules",
    "cdk.out",
)
# At the top of the tree alone: elsewhere such a name may be a package's.
LEFT_OUT_AT_TOP = (
    "venv",
    "env",
    "tests",
    "test",
    "dist",
    "build",
    "Dockerfile*",
    "compose*.y*ml",
    "docker-compose*.y*ml",
    "Makefile",
    "pyproject.toml",
    "pylambda.toml",
    "uv.lock",
    "poetry.lock",
    "requirements*.txt",
    "samconfig.toml",
    "template.y*ml",
    "*.zip",
)


def own_files(root: Path, exclude: tuple[str, ...], outdir: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name in the function's folder and the path of each file, by name.

    Links are followed: what they lead to is what the function sees.

    Args:
        root: the folder.
        exclude: patterns of the project's own: of names, or with a slash of paths from the root.
        outdir: left out where it is inside.

    Raises:
        BuildError: a link leads nowhere or round in circles.
    """
    yield from _files(root, "", exclude, outdir, (root.resolve(),))


def _files(
    folder: Path, prefix: str, exclude: tuple[str, ...], outdir: Path, parents: tuple[Path, ...]
) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        name = f"{prefix}{path.name}"
        if is_left_out(name, exclude) or path.resolve() == outdir:
            continue
        if path.is_dir():
            real = path.resolve()
            if real in parents:
                raise BuildError(f"{name} is a link to a folder that it is in: leave it out with --exclude {path.name}")
            yield from _files(path, f"{name}/", exclude, outdir, (*parents, real))
        elif path.is_file():
            yield name, path
        elif path.is_symlink():
            raise BuildError(f"{name} is a link to {os.readlink(path)!r}, which is not there")


def is_left_out(name: str, exclude: tuple[str, ...]) -> bool:
    """Return whether a file or folder, by its path from the root, stays on this machine."""
    last = name.rpartition("/")[2]
    usual = LEFT_OUT if "/" in name else (*LEFT_OUT, *LEFT_OUT_AT_TOP)
    if any(fnmatchcase(last, pattern) for pattern in usual):
        return True
    return any(fnmatchcase(name if "/" in pattern else last, pattern.rstrip("/")) for pattern in exclude)
