"""The wheels that Dockerfiles of the tests install: their builds have no network, so all comes from this machine.

One is made here, the same bytes every time, because locks name its hash: a package with a command. The others are the
tools that people install with, and what those need.
"""

import sys
import zipfile
from pathlib import Path

from images import facts
from tests.image.cli import Docker, Image, command
from tests.image.standin import ROOT

TOOLS = Path(__file__).with_name("dockerfiles") / "tools.txt"
NAME = "pylambda_test_greeting-1.0-py3-none-any.whl"
INFO = "pylambda_test_greeting-1.0.dist-info"
FILES = {
    "greeting.py": "def hello():\n    return 'hello'\n\n\ndef main():\n    print(hello())\n",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\nName: pylambda-test-greeting\nVersion: 1.0\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{INFO}/entry_points.txt": "[console_scripts]\ngreet = greeting:main\n",
}
# What tells pip and uv to look nowhere else. uv reads no variable for that.
DOCKERFILE = """\
FROM {image}
COPY wheels /wheels
COPY uv.toml /etc/uv/uv.toml
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
"""
UV = 'no-index = true\nfind-links = ["/wheels"]\n'


def write_greeting(folder: Path) -> None:
    """Write the package with a command. Stored and not packed: how well zlib packs differs from machine to machine."""
    record = "".join(f"{name},,\n" for name in [*FILES, f"{INFO}/RECORD"])
    with zipfile.ZipFile(folder / NAME, "w", zipfile.ZIP_STORED) as archive:
        for name, text in {**FILES, f"{INFO}/RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(name), text)


def with_wheels(docker: Docker, image: Image, folder: Path) -> str:
    """An image in which pip and uv find these wheels and nothing else; `folder` is for the parts of the build."""
    (folder / "uv.toml").write_text(UV)
    parts = {"wheels": fetch(image.version, image.arch), "uv.toml": folder / "uv.toml"}
    return docker.build(f"wheels-{image.version}-{image.variant}", DOCKERFILE.format(image=image.tag), parts)


def fetch(version: str, arch: str) -> Path:
    """A folder with all of them for one Python."""
    (wheel,) = [row.wheel for row in facts.load().archs if row.name == arch]
    folder = ROOT / ".cache" / "test-wheels" / f"tools-{version}-{wheel}"
    platforms = [f"--platform={wheel.replace('2014', f'_2_{minor}') if minor else wheel}" for minor in (0, 28)]
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", f"--python-version={version}")
    marker = folder / TOOLS.name
    if not marker.exists() or marker.read_bytes() != TOOLS.read_bytes():
        command(*pip, *platforms, f"--dest={folder}", f"--requirement={TOOLS}")
        write_greeting(folder)
        marker.write_bytes(TOOLS.read_bytes())
    return folder
