"""Push images so that nobody ever sees half of one.

Lambda takes a single manifest and refuses an index, and `FROM` wants one name for every architecture. So each
architecture is pushed by itself, as a plain manifest under a tag that belongs to this push, and read back; the tag
that names the architecture alone moves with it. Only when all of them are there is an index made of their digests, by
one PUT a tag, and the tag that most people write comes last. Whatever stops a push on the way, each index tag still
points at the whole set that it pointed at before.

    arch      push the images of one architecture and note their digests in build/pushed/
    index     make the indexes of what was noted; several machines may have noted theirs
    all       both, for every architecture of the matrix
    digest    print what was noted of one image and one --arch

A plain `docker` client is enough: `docker push`, and `docker manifest` for the index. A release's own tag is pushed
once, ever: what stands there must be the same image, else this stops.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import NamedTuple

from images.build import LOCAL, local_tags
from images.facts import Build, Matrix, MatrixError, check, load
from images.matrix import Edition, arch_tag, index_tags, moving_arch_tag
from images.registry import Client, PushError
from pylambda.names import VERSION

NOTES = Path("build/pushed")


class Note(NamedTuple):
    """One manifest that is in the registry."""

    image: str
    arch: str
    exact: str
    digest: str
    patch: str

    def path(self, folder: Path) -> Path:
        return folder / f"{self.image}-{self.arch}.json"


def push_arch(client: Client, repository: str, build: Build, edition: Edition, local: str) -> Note:
    """Push one image as a plain manifest and read it back; then move the tag of its architecture. Raises PushError."""
    target = f"{repository}:{arch_tag(build, edition)}"
    found = client.local(local)
    if found is None:
        mend = f"make image VERSION={build.python.version} VARIANT={build.variant.name} ARCH={build.arch.name}"
        raise PushError(f"there is no {local} to push: {mend}")
    if found.platform != build.arch.platform:
        raise PushError(f"{local} is for {found.platform}, not for {build.arch.platform}")
    there = client.manifest(target)
    if there is not None and edition.version and found.id not in {there.config, there.digest}:
        raise PushError(f"{target} is there already and is another image: a release's tag is pushed once, ever")
    if there is None or found.id not in {there.config, there.digest}:
        client.push(local, target)
    pushed = client.single(target, build.arch.platform)
    moving = f"{repository}:{moving_arch_tag(build)}"
    client.push(local, moving)
    if client.single(moving, build.arch.platform).digest != pushed.digest:
        raise PushError(f"{moving} is not what was pushed as {target}: push again, one push at a time")
    return Note(build.image, build.arch.name, edition.exact, pushed.digest, client.python(local, found.platform))


def push_index(client: Client, repository: str, builds: list[Build], notes: list[Note], edition: Edition) -> list[str]:
    """Make one image's index from the manifests that were noted, and return its tags. Raises PushError."""
    image = builds[0].image
    mine = {note.arch: note for note in notes if note.image == image and note.exact == edition.exact}
    missing = [build.arch.name for build in builds if build.arch.name not in mine]
    if missing:
        raise PushError(f"{image}: no manifest of this push for {', '.join(missing)}, so there is no index to make")
    patches = {note.patch for note in mine.values()}
    if len(patches) > 1:
        raise PushError(f"{image}: its architectures have different Pythons, {' and '.join(sorted(patches))}")
    members = [f"{repository}@{mine[build.arch.name].digest}" for build in builds]
    tags = index_tags(builds[0], edition, patches.pop())
    for tag in tags:
        client.push_index(f"{repository}:{tag}", members, exact=tag == f"{image}-{edition.version}")
    return tags


def chosen(matrix: Matrix, images: list[str]) -> dict[str, list[Build]]:
    """The builds of the named images, or of all. Raises MatrixError."""
    return {image: matrix.builds_of(image) for image in images or matrix.images()}


def read_notes(folder: Path) -> list[Note]:
    return [Note(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("**/*.json"))]


def noted(folder: Path, build: Build) -> str:
    """The digest that was noted of a build. Raises PushError."""
    for note in read_notes(folder):
        if (note.image, note.arch) == (build.image, build.arch.name):
            return note.digest
    raise PushError(f"{folder} notes no push of {build.image} for {build.arch.name}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m images.push", description="Push images, each whole")
    parser.add_argument("what", choices=("arch", "index", "all", "digest"))
    parser.add_argument("--docker", default="docker")
    parser.add_argument("--repository", default="", help="in the place of the matrix's")
    parser.add_argument("--local", default=LOCAL, metavar="NAME", help="what the images are called in this engine")
    parser.add_argument("--arch", default="", help="this architecture alone")
    parser.add_argument("--release", action="store_true", help="as this version's release, not as a rebuild")
    parser.add_argument("--notes", type=Path, default=NOTES, help="where digests are noted")
    parser.add_argument("images", nargs="*", help="default: every image of the matrix")
    # Not parse_args: that takes no list after options.
    options = parser.parse_intermixed_args()
    matrix = load()
    if options.what == "digest":
        (build,) = [row for image in options.images for row in matrix.builds_of(image) if row.arch.name == options.arch]
        print(noted(options.notes, build))
        return
    today = datetime.datetime.now(tz=datetime.UTC).date()
    check(matrix, today=today, release=options.release)
    edition = Edition(today, VERSION if options.release else None)
    repository = options.repository or matrix.repository
    client = Client(options.docker, repository)
    images = chosen(matrix, options.images)
    options.notes.mkdir(parents=True, exist_ok=True)
    if options.what in {"arch", "all"}:
        for build in [build for builds in images.values() for build in builds]:
            if options.arch in {"", build.arch.name}:
                note = push_arch(client, repository, build, edition, local_tags(build, options.local)[0])
                note.path(options.notes).write_text(json.dumps(note._asdict()) + "\n", encoding="utf-8")
                print(f"{repository}:{arch_tag(build, edition)}, {moving_arch_tag(build)} {note.digest}", flush=True)
    if options.what in {"index", "all"}:
        notes = read_notes(options.notes)
        for builds in images.values():
            tags = push_index(client, repository, builds, notes, edition)
            print(f"{repository}: {', '.join(tags)} -> {', '.join(build.arch.name for build in builds)}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (PushError, MatrixError) as error:
        sys.exit(f"images/push.py: {error}")
