"""`pylambda build --zip`: the function and what it needs in one zip, for Amazon's managed Python."""

import tempfile
from pathlib import Path

from pylambda.local.build import archive, bytecode, files, packages, sizes
from pylambda.local.build.requirements import Requirements, requirements_of
from pylambda.local.build.settings import BuildError, Say, Settings


def build(settings: Settings, say: Say) -> Path:
    """Make the zip and return its path.

    Args:
        settings: what to build.
        say: tells people how it goes, a line at a time.

    Raises:
        BuildError: it cannot be made; none is left then.
        OptionError: pyproject.toml is no TOML.
    """
    own = list(files.own_files(settings.root, settings.exclude, settings.outdir))
    if not own:
        raise BuildError(f"{settings.root} has no file for a function")
    needed = requirements_of(settings.folder, settings.environ)
    say(f"{settings.name} for {settings.target}, {describe(needed)}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "task")
        if settings.docker:
            from pylambda.local.build import container

            container.install(settings, needed, own, folder, Path(scratch))
        else:
            packages.install(settings, needed, folder, Path(scratch))
            packages.merge(own, folder)
            compiled = bytecode.add(folder, settings)
            if not compiled:
                say(
                    f"no byte code: there is no Python {settings.python} here to make it; "
                    "`uv python install` brings one, and --docker has it in its image"
                )
        sizes.check(sizes.unzipped(folder), folder)
        target = settings.outdir / f"{settings.name}.zip"
        archive.write(target, everything(folder), settings.environ)
        for line in sizes.report(target, folder):
            say(line)
    return target


def everything(folder: Path) -> list[tuple[str, Path]]:
    """Return the files of a folder by their names in a zip."""
    return [(path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()]


def describe(needed: Requirements) -> str:
    """Return in words where the packages come from."""
    if not needed.source:
        return "without packages"
    return f"with the packages of {needed.source}" + ("" if needed.locked else ", which does not settle all versions")
