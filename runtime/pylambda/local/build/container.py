"""`--docker`: what the function needs, installed and compiled in the build image, which has compilers and headers.

Files go in and come out as a tar through the client, so that an engine on another machine will do.
"""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

from pylambda.local.build import bytecode, packages, programs
from pylambda.local.build.requirements import Requirements
from pylambda.local.build.settings import PLATFORMS, BuildError, Settings

IN, OUT = "/tmp/in", "/tmp/out"
# What uv may be told by on this machine, it is told by there.
PASSED_ON = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX_URL", "PIP_INDEX_URL")


def install(
    settings: Settings, requirements: Requirements, own: list[tuple[str, Path]], target: Path, scratch: Path
) -> None:
    """Fill a folder with the function's files, what they need and the byte code of both.

    Args:
        settings: name the target and the image.
        requirements: what to install.
        own: the function's files.
        target: the folder; made.
        scratch: a folder for files of this build.

    Raises:
        BuildError: no engine answers, or the installation failed; it has said why on stderr then.
    """
    docker = programs.docker(settings.environ)
    inside = scratch / "in"
    (inside / "task").mkdir(parents=True)
    for pattern in ("*.txt", "pyproject.toml", "uv.toml"):  # a list may lead to another one
        for path in settings.folder.glob(pattern):
            shutil.copy(path, inside)
    options = requirements.options(IN, inside, IN)
    packages.merge(own, inside / "task")
    words = [docker, "run", "--rm", "--interactive", f"--platform={PLATFORMS[settings.arch]}", "--entrypoint=/bin/sh"]
    words += [f"--env={name}" for name in PASSED_ON if name in settings.environ]
    words += [f"{settings.base}-build", "-c", script(bool(options)), "sh", *options]
    done = subprocess.run(words, input=_tar(inside), stdout=subprocess.PIPE, env=dict(settings.environ), check=False)
    if done.returncode:
        raise BuildError(f"{settings.base}-build could not install what the function needs; its message is above")
    target.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(target, filter="data")
    packages.tidy(target)


def script(with_packages: bool) -> str:
    """Return what the image's shell does; its arguments are for uv."""
    steps = [f"mkdir -p {IN} {OUT}", f"tar -xC {IN}", f"cd {IN}"]
    if with_packages:
        steps.append(f'uv pip install --target {OUT} --link-mode copy --no-progress "$@" >&2')
    compiling = " ".join(bytecode.compiling(OUT, bytecode.TASK_ROOT))
    steps.append(f"cp -R {IN}/task/. {OUT}")
    steps.append(f"{{ PYTHONHASHSEED=0 python3 -IS {compiling} >&2 || :; }}")
    steps.append(f"tar -cC {OUT} .")
    return " && ".join(steps)


def _tar(folder: Path) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.add(folder, ".")
    return stream.getvalue()
