"""What Lambda refuses of an image before any of its code runs, and how it is started."""

import posixpath
from collections.abc import Iterator

from pylambda.local.check import handlers
from pylambda.local.check.files import FILE, LINK
from pylambda.local.check.findings import Found, Rule, Severity
from pylambda.local.check.subject import Subject

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html: Docker's image manifest V2, schema 2, or OCI 1.0.
MEDIA_TYPES = {
    "manifest": {
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
    },
    "config": {"application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"},
    "layer": {
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.diff.tar",
        "application/vnd.oci.image.layer.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar",
    },
}
SHELL_FORM = ["/bin/sh", "-c"]
GIB, MIB = 1024**3, 1024**2
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_IMAGE, MOST_ZIP = 10 * GIB, 250 * MIB
MOST_SHEBANG = 256


def index(subject: Subject) -> Iterator[Found]:
    image = subject.target.image
    if image and image.platforms:
        yield Found("", f"an index of {len(image.platforms)} manifests ({', '.join(image.platforms)})")


def attestations(subject: Subject) -> Iterator[Found]:
    image = subject.target.image
    if image and image.attestations:
        yield Found("", f"{image.attestations} attestation manifests beside the image")


def media_types(subject: Subject) -> Iterator[Found]:
    for part, kind in (subject.target.image.media_types if subject.target.image else {}).items():
        if kind and kind not in MEDIA_TYPES[part.partition(" ")[0]]:
            # OCI 1.1 has it, and what Lambda does with it is not documented.
            severity = WARNING if kind.endswith("+zstd") else None
            yield Found(part, f"{part} is {kind}", severity=severity)


def architecture(subject: Subject) -> Iterator[Found]:
    image = subject.target.image
    if image is None:
        return
    system = image.config.get("os", "linux")
    if system != "linux":
        yield Found("", f"the image is for {system}; Lambda runs Linux")
    elif subject.image_arch and subject.image_arch != subject.arch:
        yield Found("", f"the image is for {subject.image_arch}, the function for {subject.arch}")
    elif subject.image_arch not in {"x86_64", "arm64"}:
        yield Found("", f"the image is for {subject.image_arch}; Lambda runs x86_64 and arm64")


def _program(subject: Subject) -> str:
    return subject.command[0] if subject.command else ""


def relative(subject: Subject) -> Iterator[Found]:
    program = _program(subject)
    if (
        program
        and not program.startswith("/")
        and "Entrypoint" in (subject.target.image.run if subject.target.image else {})
    ):
        yield Found(program, f"the image is started with {program!r}, which is no absolute path")


def link(subject: Subject) -> Iterator[Found]:
    program = _program(subject)
    if not program.startswith("/"):
        return
    folder, name = posixpath.split(program)
    found = subject.target.tree.files.get(posixpath.join(subject.target.tree.resolved(folder), name))
    if found is not None and found.kind == LINK:
        yield Found(program, f"{program} is a link to {found.link}")


def program(subject: Subject) -> Iterator[Found]:
    name = _program(subject)
    if not name.startswith("/"):
        return
    found = subject.target.tree.find(name)
    if found is None or found.kind != FILE:
        yield Found(name, f"{name}, which the image is started with, is not in it")
        return
    if found.mode is not None and not found.mode & 0o001 and found.owner != (993, 990):
        yield Found(name, f"{name} may not be executed by others (mode {found.mode:04o})")
    first = found.head(MOST_SHEBANG)
    if first.startswith(b"#!"):
        words = first.splitlines()[0].decode(errors="replace").removeprefix("#!").split()
        if words and subject.target.tree.find(words[0]) is None:
            yield Found(name, f"{name} is a script for {words[0]}, which is not in the image")


def emulator(subject: Subject) -> Iterator[Found]:
    if posixpath.basename(_program(subject)) == handlers.EMULATOR:
        yield Found(_program(subject), "the image is started with the emulator")


def shell_form(subject: Subject) -> Iterator[Found]:
    run = subject.target.image.run if subject.target.image else {}
    words = run.get("Cmd") or []
    if words[:2] == SHELL_FORM and run.get("Entrypoint"):
        yield Found("", f"CMD is {words!r}: it was written without brackets")


def words(subject: Subject) -> Iterator[Found]:
    run = subject.target.image.run if subject.target.image else {}
    given = [*(run.get("Entrypoint") or []), *(run.get("Cmd") or [])]
    if not given or posixpath.basename(given[0]) not in handlers.TAKERS or (run.get("Cmd") or [])[:2] == SHELL_FORM:
        return
    if len(given) > 2:
        yield Found("", f"{posixpath.basename(given[0])} takes one word, the handler, and gets {given[1:]!r}")


def size(subject: Subject) -> Iterator[Found]:
    target = subject.target
    total = sum(file.size for file in [*target.tree, *target.hidden])
    if target.image is not None:
        if total > MOST_IMAGE:
            yield Found("", f"the image has {total / GIB:.1f} GB in all of its layers; Lambda takes 10 GB")
    elif total > MOST_ZIP:
        whole = f"{total / MIB:.0f} MB unpacked; a zip and its layers may have 250 MB together"
        yield Found("", whole, severity=WARNING if target.kind == "folder" else None)


RULES = (
    Rule(
        "PL-INDEX", ERROR, "an index in place of one manifest",
        "Lambda takes a single manifest for one architecture; CreateFunction refuses an index: `image manifest, config"
        " or layer media type is not supported`.",
        "Build for one platform without attestations: `docker buildx build --platform linux/amd64 --provenance=false"
        " --sbom=false`.",
        index,
    ),
    Rule(
        "PL-ATTEST", ERROR, "attestations beside the image",
        "BuildKit writes a statement of provenance beside the image, which turns what is pushed into an index; Lambda"
        " refuses it.",
        "Build with `--provenance=false --sbom=false`, or set BUILDX_NO_DEFAULT_ATTESTATIONS=1.",
        attestations,
    ),
    Rule(
        "PL-MEDIA", ERROR, "a media type that Lambda does not take",
        "Lambda takes Docker's manifest V2, schema 2, and OCI 1.0; CreateFunction refuses the rest.",
        "Push with `docker push`, or build with `--output type=image,oci-mediatypes=false,compression=gzip`.",
        media_types,
    ),
    Rule(
        "PL-ARCH", ERROR, "an image for another architecture",
        "The function does not start: `exec format error`, Runtime.InvalidEntrypoint.",
        "Build with `--platform linux/amd64` for x86_64 or `linux/arm64` for arm64, or give the function the image's"
        " architecture.",
        architecture,
    ),
    Rule(
        "PL-ENTRY-RELATIVE", ERROR, "ENTRYPOINT is no absolute path",
        "Lambda asks for an absolute path and may not find anything else: Runtime.InvalidEntrypoint.",
        'Write the whole path, as in ENTRYPOINT ["/usr/local/bin/python3.12", "-m", "pylambda"].',
        relative,
    ),
    Rule(
        "PL-ENTRY-LINK", WARNING, "ENTRYPOINT is a link",
        "Amazon's page on errors says not to name a link, although its own examples do and are started.",
        "Name the file that the link leads to.",
        link,
    ),
    Rule(
        "PL-ENTRY-FILE", ERROR, "ENTRYPOINT cannot be started",
        "The function does not start: Runtime.InvalidEntrypoint.",
        "Name a program that is in the image, and let others execute it: `chmod 0755`.",
        program,
    ),
    Rule(
        "PL-ENTRY-EMULATOR", ERROR, "ENTRYPOINT is the emulator",
        "In Lambda the emulator waits for events of its own, and no invocation comes to the function.",
        "Leave ENTRYPOINT as the base image has it: it starts the emulator where Lambda is not.",
        emulator,
    ),
    Rule(
        "PL-CMD-SHELL", ERROR, "CMD in shell form",
        "Without brackets, Docker puts `/bin/sh -c` before it, and the entry point gets three words for the handler:"
        " exit 142.",
        'Write it as JSON: CMD ["app.handler"].',
        shell_form,
    ),
    Rule(
        "PL-CMD-WORDS", ERROR, "CMD has more than the handler",
        "The entry point takes one word, the handler, and ends with 142.",
        'Write one word: CMD ["app.handler"]. Settings go into ENV.',
        words,
    ),
    Rule(
        "PL-SIZE", ERROR, "too large",
        "Lambda takes images of 10 GB with all layers, and zips of 250 MB unpacked with all layers.",
        "Leave out what no function imports (tests, headers, caches), compile in a first stage, or move from a zip to"
        " an image.",
        size,
    ),
)  # fmt: skip
