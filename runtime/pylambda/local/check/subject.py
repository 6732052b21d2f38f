"""What rules look at: a target, what the function is to be, and what can be told of both once for all of them."""

import functools
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pylambda.local.check import elf, handlers, packages
from pylambda.local.check.elf import Elf
from pylambda.local.check.files import FILE, FOLDER, File, Target
from pylambda.local.check.outcome import Outcome

TASK_ROOT = "var/task"
# Where Python looks besides in the function's folder.
PACKAGES = re.compile(r"(^|/)(site|dist)-packages/")
LIBRARY = re.compile(r"(site-packages|dist-packages|/python3\.\d+|^var/runtime)$")
# What no function imports, wherever it lies.
INSTALLERS = re.compile(r"(^|/)(pip|setuptools|wheel|pkg_resources|_distutils_hack|uv|ensurepip)(-[\w.]+\.dist-info)?/")
LIBC_SAYS = re.compile(rb"GNU C Library [^\n]{0,80}?version (\d+\.\d+)")
# Of Amazon Linux 2023, which our images and Amazon's from Python 3.12 on stand on, and of Amazon Linux 2 before it:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
GLIBC, GLIBC_BEFORE_3_12 = (2, 34), (2, 26)
NAMES = {"amd64": "x86_64", "arm64": "arm64"}


@dataclass
class Subject:
    """A target and what is wanted of it.

    Attributes:
        target: the files, and of an image what it says.
        wanted_handler: the flag's or the project's; empty for the target's own.
        wanted_arch: the flag's; empty for the target's own.
        wanted_python: the same, as in `3.12`.
        outcome: what came of starting it; None where it was not started.
    """

    target: Target
    wanted_handler: str = ""
    wanted_arch: str = ""
    wanted_python: str = ""
    outcome: Outcome | None = None

    @functools.cached_property
    def task(self) -> str:
        """The function's folder in the target: empty for its root."""
        image = self.target.image
        if image is None:
            return ""
        return (image.variables.get("LAMBDA_TASK_ROOT") or image.run.get("WorkingDir") or "").strip("/") or TASK_ROOT

    @functools.cached_property
    def command(self) -> list[str]:
        """What an image is started with, all of it."""
        run = self.target.image.run if self.target.image else {}
        return [*(run.get("Entrypoint") or []), *(run.get("Cmd") or [])]

    @functools.cached_property
    def handler(self) -> str:
        """The handler's name, empty where nothing names one."""
        if self.wanted_handler or self.target.image is None:
            return self.wanted_handler
        return handlers.of_command(self.command) or self.target.image.variables.get("_HANDLER", "")

    @functools.cached_property
    def arch(self) -> str | None:
        """The function's architecture, None where nothing says it."""
        return self.wanted_arch or self.image_arch

    @property
    def image_arch(self) -> str | None:
        """What an image says that it is for, by Lambda's name."""
        said = self.target.image.config.get("architecture") if self.target.image else None
        return NAMES.get(said, said) if said else None

    @functools.cached_property
    def python(self) -> tuple[int, int] | None:
        """The function's Python, None where nothing says it."""
        if self.wanted_python:
            major, _, minor = self.wanted_python.partition(".")
            return int(major), int(minor)
        if self.target.image is not None:
            return self._python_of_image()
        tags = {tag["python"] for file in self.target.tree if (tag := packages.TAGGED.fullmatch(file.name))}
        return (3, int(tags.pop()[1:])) if len(tags) == 1 else None

    @property
    def python_text(self) -> str:
        """The same as people write it, empty where nothing says it."""
        return ".".join(map(str, self.python)) if self.python else ""

    def interpreters(self) -> Iterator[tuple[str, File]]:
        """Yield where an image has an interpreter, the one that it would start first, and what each path leads to."""
        variables = self.target.image.variables if self.target.image else {}
        for folder in ["/var/lang/bin", *variables.get("PATH", "/usr/local/bin:/usr/bin").split(":")]:
            for name in ("python3", "python"):
                path = f"{folder.rstrip('/')}/{name}"
                if found := self.target.tree.find(path):
                    yield path, found

    def _python_of_image(self) -> tuple[int, int] | None:
        for _, found in self.interpreters():
            if version := re.fullmatch(r"python(3)\.(\d+)", found.name):
                return int(version[1]), int(version[2])
        variables = self.target.image.variables if self.target.image else {}
        said = re.match(r"(3)\.(\d+)", variables.get("PYTHON_VERSION", ""))
        return (int(said[1]), int(said[2])) if said else None

    @functools.cached_property
    def libc(self) -> tuple[str, tuple[int, ...]]:
        """The C library below the function: `glibc` and its version, or `musl` and none."""
        if self.target.image is None:
            is_old = self.target.kind == "zip" and self.python is not None and self.python < (3, 12)
            return "glibc", GLIBC_BEFORE_3_12 if is_old else GLIBC
        for place in ("lib64", "lib", "usr/lib64", "usr/lib", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"):
            found = self.target.tree.find(f"{place}/libc.so.6")
            if found and (said := LIBC_SAYS.search(found.head(packages.MOST_TEXT))):
                return "glibc", elf.glibc_version(said[1].decode())
        if any(self.target.tree.find(f"lib/ld-musl-{name}.so.1") for name in ("x86_64", "aarch64")):
            return "musl", ()
        return "glibc", GLIBC

    def is_the_functions(self, file: File) -> bool:
        """Whether a file is what a function is made of, and not the system's, the runtime's or an installer's."""
        if self.target.image is None:
            return True
        if file.path.startswith("var/runtime/") or INSTALLERS.search(file.path):
            return False
        is_task = file.path == self.task or file.path.startswith(f"{self.task}/")
        return is_task or file.path.startswith("opt/") or PACKAGES.search(file.path) is not None

    @functools.cached_property
    def files(self) -> list[File]:
        """What the function is made of."""
        return [file for file in self.target.tree if self.is_the_functions(file)]

    @functools.cached_property
    def byte_code(self) -> dict[str, dict[str, File]]:
        """Files of byte code by the folder of their sources, and by their names."""
        found: dict[str, dict[str, File]] = {}
        for file in self.target.tree:
            if file.name.endswith(".pyc"):
                folder = posixpath.dirname(file.path).removesuffix("__pycache__").rstrip("/")
                found.setdefault(folder, {})[file.name] = file
        return found

    @functools.cached_property
    def packaged(self) -> set[str]:
        """What packages installed."""
        return packages.packaged(self.target.tree)

    @functools.cached_property
    def natives(self) -> list[tuple[File, Elf]]:
        """The native modules and libraries of the function; broken ones are not among them."""
        found = []
        for file in self.files:
            if file.kind == FILE and (file.name.endswith(".so") or ".so." in file.name):
                with file.open() as stream:
                    try:
                        read = elf.read(stream)
                    except ValueError:
                        continue
                if read is not None:
                    found.append((file, read))
        return found

    @functools.cached_property
    def dists(self) -> list[packages.Dist]:
        """The packages of the function."""
        return [dist for dist in packages.dists(self.target.tree) if self.is_the_functions(dist.file)]

    @functools.cached_property
    def roots(self) -> list[str]:
        """Where modules are looked for, the function's folder first."""
        image = self.target.image
        if image is None:
            return [""]
        named = [path.strip("/") for path in image.variables.get("PYTHONPATH", "").split(":") if path]
        folders = (file.path for file in self.target.tree if file.kind == FOLDER)
        libraries = [path for path in folders if LIBRARY.search(path)]
        working = (image.run.get("WorkingDir") or "").strip("/")
        return [self.task, working, *named, "opt/python", *libraries, *self._path_files(libraries)]

    def _path_files(self, libraries: list[str]) -> Iterator[str]:
        """Find what `.pth` files add, as of a package that was installed to be edited."""
        for folder in libraries:
            for file in self.target.tree.below(folder):
                if file.name.endswith(".pth") and posixpath.dirname(file.path) == folder:
                    lines = file.head(100_000).decode(errors="replace").splitlines()
                    yield from (line.strip().strip("/") for line in lines if line.startswith("/"))

    @functools.cached_property
    def own_sources(self) -> dict[str, File]:
        """The function's own modules: those that the handler's imports lead to, or all where it is not known."""
        own = {
            file.path: file
            for file in self.files
            if file.kind == FILE and file.name.endswith(".py")
            if file.path not in self.packaged and not PACKAGES.search(file.path) and not file.path.startswith("opt/")
        }
        reached = handlers.reached(self.handler, own, self.roots) if self.handler else None
        return {path: own[path] for path in reached} if reached is not None else own
