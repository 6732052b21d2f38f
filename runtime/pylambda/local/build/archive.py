"""A zip whose bytes follow from its files alone: sorted, one time, modes by what is executable and what is not.

Two builds of the same files on machines with the same zlib make the same bytes, so a deployment that compares digests
finds nothing to do.
"""

import time
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from pylambda.local.build.settings import BuildError

# The first moment that a zip can name.
EPOCH_S = 315532800
FILE, PROGRAM = 0o100644, 0o100755
UNIX = 3
EXECUTABLE = 0o111


def write(target: Path, files: Iterable[tuple[str, Path]], environ: Mapping[str, str]) -> None:
    """Write a zip; nothing is left where that fails.

    Args:
        target: the file; its folder is made.
        files: names in the zip and where they come from.
        environ: `SOURCE_DATE_EPOCH` is the time of all files: https://reproducible-builds.org/specs/source-date-epoch/

    Raises:
        BuildError: that variable is no time, or a file cannot be read.
    """
    date = _date(environ)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, path in sorted(files):
                member = zipfile.ZipInfo(name, date)
                member.create_system = UNIX
                member.compress_type = zipfile.ZIP_DEFLATED
                member.external_attr = (PROGRAM if path.stat().st_mode & EXECUTABLE else FILE) << 16
                archive.writestr(member, path.read_bytes())
        unfinished.replace(target)
    except OSError as error:
        raise BuildError(f"cannot write {target.name}: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def time_s(environ: Mapping[str, str]) -> int:
    """Return the one time of all that a build makes, in seconds since 1970.

    Args:
        environ: `SOURCE_DATE_EPOCH` is that time, where it is set.

    Raises:
        BuildError: it is no time.
    """
    text = environ.get("SOURCE_DATE_EPOCH") or str(EPOCH_S)
    if not (text.isascii() and text.isdigit()):
        raise BuildError(f"SOURCE_DATE_EPOCH is {text!r}; it takes seconds since 1970: git log -1 --format=%ct")
    return max(int(text), EPOCH_S)


def _date(environ: Mapping[str, str]) -> tuple[int, int, int, int, int, int]:
    moment = time.gmtime(time_s(environ))
    return moment[0], moment[1], moment[2], moment[3], moment[4], moment[5]
