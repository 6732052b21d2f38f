"""`pylambda build --layer`: Python and the runtime out of the image, as a layer for zips on `provided.al2023`.

Layers are unpacked into /opt, where that runtime of Lambda's looks for a `bootstrap`:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html
"""

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from pylambda.local import file_beside
from pylambda.local.build import archive, programs, sizes, zips
from pylambda.local.build.settings import PLATFORMS, BuildError, Say, Settings

# What people know of what is in a layer, by its folders.
PARTS = {"Python": "lib*/python*", "its libraries": "lib/*.so*", "the runtime": "pylambda"}


def build(settings: Settings, say: Say) -> Path:
    """Make the layer's zip and return its path.

    Args:
        settings: name the image, and where the zip goes.
        say: tells people how it goes, a line at a time.

    Raises:
        BuildError: no engine answers, or the image is none of ours.
    """
    docker = programs.docker(settings.environ)
    image = f"{settings.base}-slim"
    say(f"Python {settings.python} and the runtime for {settings.arch}, out of {image}")
    words = [docker, "run", "--rm", "--interactive", f"--platform={PLATFORMS[settings.arch]}", "--network=none"]
    words += ["--user=0", "--entrypoint=/var/lang/bin/python3", image, "-IB", "-"]
    program = file_beside(__name__, "relocate.py")
    done = subprocess.run(words, input=program, stdout=subprocess.PIPE, env=dict(settings.environ), check=False)
    if done.returncode:
        raise BuildError(f"{image} gave no layer; its message is above. Is it an image of pylambda?")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "layer")
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            tar.extractall(folder, filter="data")
        sizes.check(sizes.unzipped(folder), folder)
        target = settings.outdir / f"pylambda-layer-{settings.python}-{settings.arch}.zip"
        archive.write(target, zips.everything(folder), settings.environ)
        say(sizes.summary(target, folder))
        say(", ".join(f"{name} {sizes.amount(weight(folder, pattern))}" for name, pattern in PARTS.items()))
    return target


def weight(folder: Path, pattern: str) -> int:
    """Return the size of all that has a name."""
    found = list(folder.glob(pattern))
    return sum(sizes.unzipped(path) if path.is_dir() else path.stat().st_size for path in found)
