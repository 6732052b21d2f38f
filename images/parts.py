"""Install what some image tests need beside an engine, on Debian, as root; where it is there, do nothing.

    arm64       run programs of the other architecture: qemu's, registered with the kernel
    registry    a registry of its own to push to, and a program that reads it back
    browser     Chromium, for the page of `pylambda serve`

The standard library is enough, because this runs on a machine that has nothing yet.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from images.engine import EngineError, install_packages, say, update_lists

BINFMT = Path("/proc/sys/fs/binfmt_misc")
HANDLER = BINFMT / "qemu-aarch64"
REGISTRY = ("docker-registry", "skopeo")


def arm64() -> None:
    """Let the kernel start arm64 programs. Raises EngineError."""
    if os.uname().machine == "aarch64" or HANDLER.exists():
        say("This machine runs arm64 programs: nothing to do")
        return
    install_missing("qemu-user-static", "binfmt-support", program="update-binfmts")
    if not (BINFMT / "register").exists():
        # Where systemd does not run, nobody has mounted it.
        run("mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT))
    run("update-binfmts", "--enable", "qemu-aarch64")
    if not HANDLER.exists():
        raise EngineError(f"update-binfmts made no {HANDLER}: arm64 programs cannot be run here")
    say("This machine runs arm64 programs now")


def registry() -> None:
    """Have a registry and its reader. Raises EngineError."""
    missing = [name for name in REGISTRY if shutil.which(name) is None]
    if not missing:
        say(f"{' and '.join(REGISTRY)} are here: nothing to do")
        return
    install_missing(*missing, program=missing[0])


def browser() -> None:
    """Have a browser. Raises EngineError."""
    install_missing("chromium", program="chromium")


def install_missing(*packages: str, program: str) -> None:
    """Install packages where a program of theirs is missing. Raises EngineError."""
    if shutil.which(program):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise EngineError(f"only root on Debian can install them here: apt-get install {' '.join(packages)}")
    update_lists()
    install_packages(*packages)


def run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineError(f"{' '.join(words)} failed: {done.stderr.strip()}")


if __name__ == "__main__":
    try:
        {"arm64": arm64, "registry": registry, "browser": browser}[sys.argv[1]]()
    except EngineError as error:
        sys.exit(f"make {sys.argv[1]}: {error}")
