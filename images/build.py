"""`docker build` of one image of matrix.toml, from the printed context with the printed options.

Everything is said on the command line and nothing is left to the builder's mood: the platform, the stage, the
labels, and no attestation, because one would make an index of what Lambda wants as a single manifest.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from images import context, matrix
from images.facts import UNNAMED, WITH_BOTO3, WITH_TOOLS, Build, Matrix, MatrixError, load, suffix
from pylambda.local.fetch import this_machine

# For the builder that would attest by default; the classic one knows neither this nor an option for it.
ENVIRONMENT = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
LOCAL = "pylambda"


class BuildError(Exception):
    """Raised when there is nothing to build with, or the build failed."""


def local_tags(build: Build, name: str = LOCAL) -> list[str]:
    """What an image is called in this engine: always by its architecture, and shorter where it is the machine's."""
    names = [f"{name}:{build.image}-{build.arch.name}"]
    return names if build.arch.name != this_machine() else [*names, f"{name}:{build.image}"]


def image_name(facts: Matrix, version: str, variant: str) -> str:
    """The image that two words of a make command mean; each may be empty."""
    return (version or facts.default) + suffix(variant or UNNAMED)


def build_image(docker: str, facts: Matrix, build: Build, *, base: str, tags: list[str], options: list[str]) -> None:
    """Build and tag one image. Raises BuildError."""
    words = [docker, "build", "--force-rm", *matrix.build_options(facts, build, matrix.source(), base)]
    words += [f"--tag={tag}" for tag in tags]
    environment = {**ENVIRONMENT, **os.environ}
    with subprocess.Popen([*words, *options, "-"], stdin=subprocess.PIPE, env=environment) as builder:
        assert builder.stdin is not None
        try:
            tools = (build.arch,) if build.variant.name == WITH_TOOLS else ()
            context.write(builder.stdin, tools, with_boto3=build.variant.name == WITH_BOTO3)
            builder.stdin.close()
        except BrokenPipeError:
            pass  # The builder ended early; it has said why.
    if builder.returncode:
        raise BuildError(f"{docker} build of {build.image} for {build.arch.name} failed; its own message is above")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m images.build", description="Build one image of matrix.toml")
    parser.add_argument("--docker", default="docker", help="the client to build with")
    parser.add_argument("--image", default="", help="by its name, as images.matrix list prints it; or by these two:")
    for axis in ("version", "variant", "arch"):
        parser.add_argument(f"--{axis}", default="")
    parser.add_argument("--base", default="", help="in the place of the matrix's base")
    parser.add_argument("--tag", default="", help="in the place of NAME:IMAGE")
    parser.add_argument("--local", default=LOCAL, metavar="NAME", help="what images are called in this engine")
    parser.add_argument("options", nargs="*", help="more options of docker build, after --")
    chosen = parser.parse_args()
    facts = load()
    image = chosen.image or image_name(facts, chosen.version, chosen.variant)
    build = facts.build(image, chosen.arch or this_machine())
    if subprocess.run([chosen.docker, "version"], capture_output=True, check=False).returncode:
        raise BuildError(f"no container engine answers '{chosen.docker} version': run make engine")
    tags = [chosen.tag] if chosen.tag else local_tags(build, chosen.local)
    if more := {WITH_TOOLS: ["tools", build.arch.name], WITH_BOTO3: ["boto3"]}.get(build.variant.name):
        words = [sys.executable, "-m", "images.vendor", *more]
        if subprocess.run(words, cwd=Path(context.ROOT), check=False).returncode:
            raise BuildError(f"what the {build.variant.name} variant adds could not be fetched; the message is above")
    build_image(chosen.docker, facts, build, base=chosen.base, tags=tags, options=chosen.options)


if __name__ == "__main__":
    try:
        main()
    except (BuildError, MatrixError, OSError) as error:
        sys.exit(f"images/build.py: {error}")
