"""What is in an image, as packages: the list, the difference of two lists, and a bill of materials.

    list IMAGE            NAME VERSION of each package, the operating system's and ours, one a line
    difference OLD NEW    what changed between two folders of such lists, as Markdown for release notes
    sbom IMAGE            the same as CycloneDX 1.6, for scanners and for those who must file one: see `sbom`

The image itself is asked: `rpm` where it has one, Debian's own list where it is that, the metadata of the Python
packages that we ship, `uv` where it is there, and the runtime. A list has no time in it, so two can be compared.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

# One question that answers for each kind of system, in the shell that every image has.
QUESTION = r"""
if command -v rpm >/dev/null; then
  rpm -qa --qf 'rpm %{NAME} %{VERSION}-%{RELEASE} %{ARCH}\n'
else
  while IFS=': ' read -r key value; do
    case $key in
      Package) name=$value ;;
      Architecture) arch=$value ;;
      Version) printf 'deb %s %s %s\n' "$name" "$value" "$arch" ;;
    esac
  done < /var/lib/dpkg/status
fi
for folder in /var/runtime/vendor/*.dist-info /var/runtime/aws-sdk/*.dist-info; do
  [ -d "$folder" ] || continue
  name=${folder##*/}
  name=${name%.dist-info}
  echo "pypi ${name%-*} ${name##*-} -"
done
if [ -x /usr/local/bin/uv ]; then
  set -- $(/usr/local/bin/uv --version)
  echo "pypi uv $2 -"
fi
while read -r name equals value; do
  [ "$name" = VERSION ] || continue
  value=${value#\"}
  echo "generic pylambda ${value%\"} -"
done < /var/runtime/pylambda/names.py
"""
# https://github.com/package-url/purl-spec: who distributes it.
NAMESPACES = {"rpm": "amzn", "deb": "debian", "pypi": None, "generic": None}


class PackagesError(Exception):
    """Raised when an image cannot be asked."""


class Package(NamedTuple):
    kind: str
    name: str
    version: str
    arch: str


def parse(answer: str) -> list[Package]:
    """The packages that an answer names, sorted. Raises PackagesError."""
    found = set()
    for line in answer.splitlines():
        words = line.split()
        if len(words) != 4 or words[0] not in NAMESPACES:
            raise PackagesError(f"{line!r} names no package")
        if words[1] != "gpg-pubkey":
            found.add(Package(*words))
    if not found:
        raise PackagesError("the image names no package at all")
    return sorted(found)


def difference(old: list[str], new: list[str]) -> str:
    """What changed between two lists of lines, NAME VERSION, as Markdown."""
    before, after = _versions(old), _versions(new)
    rows = [
        f"| {name} | {before.get(name, '')} | {after.get(name, '')} |"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
    if not rows:
        return "No package changed."
    return "\n".join(["| Package | Before | Now |", "| --- | --- | --- |", *rows])


def differences(old: Path, new: Path) -> str:
    """What changed, list by list; one that is new is said to be, and its packages are not listed."""
    sections = []
    for path in sorted(new.glob("*.txt")):
        before, lines = old / path.name, path.read_text(encoding="utf-8").splitlines()
        if before.exists():
            text = difference(before.read_text(encoding="utf-8").splitlines(), lines)
        else:
            text = f"New, with {len(lines)} packages."
        sections.append(f"### {path.stem}\n\n{text}\n")
    return "\n".join(sections)


def ask(docker: str, image: str) -> list[Package]:
    """The packages of an image in the engine. Raises PackagesError."""
    return parse(_run(docker, "run", "--rm", "--network=none", "--entrypoint=/bin/sh", image, "-c", QUESTION))


def created(docker: str, image: str) -> str:
    """The time that an image says it was made at: the commit's. Raises PackagesError."""
    label = '{{index .Config.Labels "org.opencontainers.image.created"}}'
    return _run(docker, "image", "inspect", "--format", label, image).strip()


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise PackagesError(f"the image cannot be asked for its packages: {done.stderr.strip()}")
    return done.stdout


def _versions(lines: list[str]) -> dict[str, str]:
    """Versions by name; what is there twice, for two architectures say, is said twice."""
    found: dict[str, str] = {}
    for line in lines:
        name, version = line.split()
        found[name] = f"{found[name]}, {version}" if name in found else version
    return found


def main() -> str:
    """What the command prints. Raises PackagesError."""
    parser = argparse.ArgumentParser(prog="python -m images.packages", description="What is in an image")
    parser.add_argument("--docker", default="docker")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("list", "sbom"):
        commands.add_parser(name).add_argument("image")
    compare = commands.add_parser("difference")
    compare.add_argument("old", type=Path)
    compare.add_argument("new", type=Path)
    chosen = parser.parse_args()
    if chosen.command == "difference":
        return differences(chosen.old, chosen.new)
    packages = ask(chosen.docker, chosen.image)
    if chosen.command == "sbom":
        # Here and not above: a list needs no package of another project.
        from images import sbom

        return sbom.write(chosen.image, created(chosen.docker, chosen.image), packages)
    return "\n".join(f"{package.name} {package.version}" for package in packages)


if __name__ == "__main__":
    try:
        print(main())
    except PackagesError as error:
        sys.exit(f"images/packages.py: {error}")
