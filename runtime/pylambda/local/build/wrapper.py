"""`pylambda build --wrapper`: the runtime alone as a layer, which takes the place of Amazon's on its managed Python.

Amazon's start script hands its interpreter to the program that AWS_LAMBDA_EXEC_WRAPPER names, and in the layer that is
`bootstrap`: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from pylambda.local import RUNTIME_DIR, beside, file_beside
from pylambda.local.build import archive, programs, sizes, zips
from pylambda.local.build.settings import BuildError, Say, Settings

# Layers are unpacked into /opt.
FOLDER = "pylambda"
PLACE = f"/opt/{FOLDER}"
VARIABLE = f"AWS_LAMBDA_EXEC_WRAPPER={PLACE}/{beside.BOOTSTRAP}"
PARTS = (beside.BOOTSTRAP, "bootstrap.py", "snapshot_restore_py.py", "awslambdaric", "LICENSE")
# The laptop's side, and what this machine compiled.
LEFT_OUT = shutil.ignore_patterns("local", "local.zip", "py.typed", "__pycache__")


def build(settings: Settings, say: Say) -> Path:
    """Make the layer's zip and return its path.

    Args:
        settings: name the Python, and where the zip goes.
        say: tells people how it goes, a line at a time.

    Raises:
        BuildError: this machine lacks the Python.
        OptionError: a part of the runtime is not where it was installed.
    """
    python = programs.python(settings.python, settings.environ)
    if not python:
        raise BuildError(
            f"the layer has byte code, and there is no Python {settings.python} here to make it: "
            f"`uv python install {settings.python}` brings one"
        )
    say(f"the runtime for Amazon's managed Python {settings.python}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "layer")
        runtime_dir = folder / FOLDER
        copy_runtime(runtime_dir)
        program = file_beside(__name__, "compact.py").decode()
        words = [python, "-ISB", "-X", "no_debug_ranges", "-c", program, str(runtime_dir), PLACE]
        environ = {"PYTHONDONTWRITEBYTECODE": "1"}  # for the interpreter that the program starts
        done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BuildError(f"{python} could not compile the runtime", done.stderr)
        target = settings.outdir / f"pylambda-wrapper-{settings.python}.zip"
        archive.write(target, zips.everything(folder), settings.environ)
        say(sizes.summary(target, folder))
    return target


def copy_runtime(runtime_dir: Path) -> None:
    """Fill a folder with what the runtime is made of."""
    shutil.copytree(Path(RUNTIME_DIR, "pylambda"), runtime_dir / "pylambda", ignore=LEFT_OUT)
    for name in PARTS:
        source = beside.find(name)
        if source.is_dir():
            shutil.copytree(source, runtime_dir / name, ignore=LEFT_OUT)
        else:
            shutil.copy(source, runtime_dir / name)
    (runtime_dir / beside.BOOTSTRAP).chmod(0o755)
