"""A Docker engine as people have it today, in a container of the one that is here.

The engine that Debian brings here has the classic builder. Today's has BuildKit, keeps images in containerd's store,
and attests to each build by default, which makes an index of what Lambda wants as a single manifest. Its client is
this machine's, with the plug-in that asks BuildKit taken out of the container. `make buildkit` makes the image;
nothing but a Debian mirror is asked.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.image import standin
from tests.image.cli import Docker, command, has_image, until

SUITE = "trixie"
INCLUDE = "docker.io,docker-buildx,ca-certificates,iptables"
PLUGIN = "/usr/libexec/docker/cli-plugins/docker-buildx"
DOCKERFILE = """\
FROM scratch
ADD rootfs.tar /
RUN mkdir -p /etc/docker && echo '{"features": {"containerd-snapshotter": true}}' > /etc/docker/daemon.json
CMD ["dockerd", "--host=unix:///run/engine/docker.sock"]
"""
TAG = f"pylambda-standin:engine-{standin.digest(SUITE, INCLUDE, DOCKERFILE)}"
# What mounting layers and starting processes takes, and not --privileged: a machine may lack some of what that gives.
MAY = (
    "--cap-add=SYS_ADMIN",
    "--cap-add=NET_ADMIN",
    *(f"--security-opt={what}=unconfined" for what in ("seccomp", "apparmor", "systempaths")),
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup",
)
# Layers of one engine cannot lie on those of another: these are folders of the machine, and go with the container.
STORES = ("--volume=/var/lib/docker", "--volume=/var/lib/containerd")


def is_here() -> bool:
    """Whether the image has been made."""
    return has_image(TAG)


def make() -> None:
    """Make the image where the engine has it not. Raises StandInError."""
    standin.refuse_without_engine()
    if is_here():
        return
    standin.install_mmdebstrap()
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder, "rootfs.tar")
        standin.run_or_refuse("mmdebstrap", "--quiet", *standin.NATIVE, f"--include={INCLUDE}", SUITE, str(tar))
        Path(folder, "Dockerfile").write_text(DOCKERFILE)
        command("docker", "build", "--quiet", "--force-rm", "--network=none", f"--tag={TAG}", folder)


class Engine:
    """The engine, through the environment that a client finds it by."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ

    def run(self, *words: str | Path, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a program to its end that asks this engine."""
        return subprocess.run(
            words, cwd=folder, env=self.environ, capture_output=True, text=True, timeout=300, check=False
        )

    def says(self, *words: str | Path, folder: Path | None = None) -> str:
        """Run a program, which must end well, and return what it printed."""
        done = self.run(*words, folder=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def take(self, *names: str) -> None:
        """Load images of the engine that is here."""
        self._move(names, os.environ, self.environ)

    def give(self, *names: str) -> None:
        """Load images of this engine into the one that is here."""
        self._move(names, self.environ, os.environ)

    def _move(self, names: tuple[str, ...], source: Mapping[str, str], target: Mapping[str, str]) -> None:
        with subprocess.Popen(("docker", "save", *names), env=source, stdout=subprocess.PIPE) as saving:
            subprocess.run(
                ("docker", "load", "--quiet"), env=target, stdin=saving.stdout, capture_output=True, check=True
            )
        assert saving.returncode == 0, f"docker save {' '.join(names)} failed"


@contextmanager
def running(docker: Docker) -> Iterator[Engine]:
    """Start the engine, and end it."""
    # Not below pytest's own folder: a socket's path is short.
    with tempfile.TemporaryDirectory(prefix="engine") as folder:
        config = Path(folder, "config")
        plugins = config / "cli-plugins"
        plugins.mkdir(parents=True)
        before = docker.containers()
        container = docker.start(TAG, options=(*MAY, *STORES, f"--volume={folder}:/run/engine"))
        try:
            command("docker", "cp", f"{container.name}:{PLUGIN}", str(plugins / "docker-buildx"))
            socket = f"unix://{folder}/docker.sock"
            engine = Engine({**os.environ, "DOCKER_HOST": socket, "DOCKER_CONFIG": str(config), "DOCKER_BUILDKIT": "1"})
            until(lambda: engine.run("docker", "version").returncode == 0, "the engine in a container answers")
            yield engine
        finally:
            docker.remove_containers(before)


if __name__ == "__main__":
    try:
        make()
    except standin.StandInError as error:
        sys.exit(f"make buildkit: {error}")
