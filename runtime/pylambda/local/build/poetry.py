"""poetry.lock as requirements: what pyproject.toml names, held to the lock's versions and digests.

uv finds out what these lead to, under the target's markers, and the lock settles each version on the way. So it does
not matter that older locks do not say which package belongs to which group.
https://python-poetry.org/docs/pyproject/ and https://python-poetry.org/docs/dependency-specification/
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pylambda.local import options as option_table
from pylambda.local.build.settings import BuildError, pyproject


def requirements(project: Path) -> tuple[str, str]:
    """Return the project's own requirements and the constraints of its lock.

    Raises:
        BuildError: the lock has something that cannot be said to uv.
        OptionError: a file is no TOML.
    """
    lock = option_table.read_toml(project / "poetry.lock")
    packages = lock.get("package", [])
    constraints = "".join(f"{_constraint(package)}\n" for package in _told_apart(packages) if not _place(package))
    places = {_normal(package["name"]): place for package in packages if (place := _place(package))}
    wanted = "".join(f"{line}\n" for line in _named(pyproject(project), places))
    return _indexes(packages) + wanted, constraints


def _told_apart(packages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    counts = Counter(package["name"] for package in packages)
    for package in packages:
        if counts[package["name"]] > 1 and not _marker(package):
            raise BuildError(
                f"poetry.lock has two versions of {package['name']} and does not say which is for what: "
                "write it with Poetry 2, `poetry lock`"
            )
    return packages


def _constraint(package: Mapping[str, Any]) -> str:
    marker = _marker(package)
    hashes = "".join(f" --hash={file['hash']}" for file in package.get("files", []))
    return f"{package['name']}=={package['version']}" + (f" ; {marker}" if marker else "") + hashes


def _marker(package: Mapping[str, Any]) -> str:
    """Return when a package is for the function: Poetry 2 says it, for all groups or for each."""
    markers = package.get("markers", "")
    return str(markers.get("main", "")) if isinstance(markers, dict) else str(markers)


def _indexes(packages: list[dict[str, Any]]) -> str:
    """Return the lines that name the indexes of the lock's other sources."""
    sources = (package.get("source", {}) for package in packages)
    urls = sorted({str(source["url"]) for source in sources if source.get("type") == "legacy"})
    return "".join(f"--extra-index-url {url}\n" for url in urls)


def _place(package: Mapping[str, Any]) -> str:
    """Return where a package comes from that is in no index; empty for one that is."""
    source = package.get("source", {})
    kind, url = source.get("type", "legacy"), str(source.get("url", ""))
    if kind == "git":
        return f"git+{url}@{source.get('resolved_reference', source.get('reference', 'HEAD'))}"
    return "" if kind == "legacy" else url


def _named(document: Mapping[str, Any], places: Mapping[str, str]) -> Iterator[str]:
    """Yield what pyproject.toml names: PEP 621's table, and Poetry's own."""
    for line in document.get("project", {}).get("dependencies", []):
        yield str(line)
    for name, rows in document.get("tool", {}).get("poetry", {}).get("dependencies", {}).items():
        if name.lower() == "python":
            continue
        for row in rows if isinstance(rows, list) else [rows]:
            table = row if isinstance(row, dict) else {}
            if not table.get("optional"):
                yield _requirement(name, table, places.get(_normal(name), ""))


def _requirement(name: str, table: Mapping[str, Any], place: str) -> str:
    """Return one dependency of Poetry's table, without its version, which the lock has settled."""
    extras = f"[{','.join(table['extras'])}]" if table.get("extras") else ""
    if table.get("platform"):
        return f"{name}{extras}{f' @ {place}' if place else ''} ; sys_platform == {table['platform']!r}"
    marker = f" ; {table['markers']}" if table.get("markers") else ""
    return f"{name}{extras}{f' @ {place}' if place else ''}{marker}"


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
