"""`pylambda build --image`: writes the Dockerfile that a project lacks, and has Docker build what Lambda takes."""

import json
import subprocess
from typing import NamedTuple

from pylambda.local.build import archive, dockerfile, programs, sizes
from pylambda.local.build.settings import PLATFORMS, BuildError, Say, Settings

# An attestation makes an index of what Lambda takes as a single manifest; the classic builder knows no option for it.
WITHOUT_ATTESTATIONS = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


class Built(NamedTuple):
    """An image in the engine."""

    tag: str
    size: int


def build(settings: Settings, say: Say) -> Built:
    """Build the image; what Docker says goes to its own streams.

    Args:
        settings: what to build.
        say: tells people how it goes, a line at a time.

    Raises:
        BuildError: no engine answers, the build failed, or `SOURCE_DATE_EPOCH` is no time.
    """
    docker = programs.docker(settings.environ)
    for name in dockerfile.write_missing(settings):
        say(f"wrote {name}")
    tag = settings.tag or settings.name
    words = [docker, "build", f"--platform={PLATFORMS[settings.arch]}", f"--tag={tag}"]
    # BuildKit takes it for the image's time of creation: https://docs.docker.com/build/ci/github-actions/reproducible-builds/
    words.append(f"--build-arg=SOURCE_DATE_EPOCH={archive.time_s(settings.environ)}")
    if settings.values["base"]:
        words.append(f"--build-arg=BASE={settings.base}")
    environ = {**WITHOUT_ATTESTATIONS, **settings.environ}
    if subprocess.run([*words, str(settings.folder)], env=environ, check=False).returncode:
        raise BuildError(f"docker build of {tag} failed; its own message is above")
    said = subprocess.run([docker, "inspect", tag], env=environ, capture_output=True, text=True, check=True).stdout
    (image,) = json.loads(said)
    return Built(tag, int(image["Size"]))


def report(built: Built, settings: Settings) -> list[str]:
    """Return lines for people about an image."""
    return [
        f"{built.tag} for {settings.arch}, {sizes.amount(built.size)}",
        f"Next: docker run --rm -p 9000:8080 {built.tag}",
        "      pylambda invoke --url http://127.0.0.1:9000",
    ]
