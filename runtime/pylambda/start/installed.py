"""Where packages are installed, without `site` where `site` would do nothing else.

`bootstrap` starts the interpreter with -S, because `site` and what it imports take a quarter of the time that a bare
interpreter needs to start. What it would have done is done here: in an image the folders of installed packages are
known, `record` wrote them down when the image was built. Only where there is something to run in them, a `.pth` file
or a `sitecustomize`, where a user has packages of their own, or where nothing was recorded for this very interpreter,
is `site` imported and does its work.

Source: https://docs.python.org/3/library/site.html
"""

import builtins
import posix
import sys

RECORD = "site-packages"
MAX_RECORD_BYTES = 1 << 16


def add(path: "list[str]", runtime_dir: str, *, isolated: bool, user_base: str) -> None:
    """Put the folders of installed packages on `path`, and add the names that `site` adds to the built-in ones.

    Args:
        path: `sys.path`; changed in place.
        runtime_dir: where the record is.
        isolated: whether nothing but the record may have something to run, that is, no PYTHONPATH is set.
        user_base: where `pip install --user` has put packages; empty where there can be none.
    """
    if "site" in sys.modules:
        return
    recorded = _recorded(runtime_dir) if isolated else None
    contents = {folder: _contents(folder) for folder in recorded or ()}
    if recorded is None or any(map(_holds_hooks, contents.values())) or has_user_packages(user_base):
        import site

        if not user_base:
            # Else it would look below a home that is /tmp, where an earlier process may have left something to be run.
            site.ENABLE_USER_SITE = False
        site.main()
        return
    path += [folder for folder, found in contents.items() if found]
    builtins.quit = builtins.exit = _leave  # type: ignore[assignment]
    builtins.help = _help  # type: ignore[assignment]


def _leave(code: str | int | None = None) -> None:
    """Do what `exit` and `quit` do, whose class is made when somebody leaves."""
    from _sitebuiltins import Quitter

    Quitter("exit", "Ctrl-D")(code)


def _help(*about: object, **options: object) -> None:
    """Do what `help` does."""
    from _sitebuiltins import _Helper

    _Helper()(*about, **options)


def has_user_packages(base: str) -> bool:
    """Whether `pip install --user` has put packages below a folder, and this interpreter is to look for them."""
    major, minor = sys.version_info[:2]
    return bool(base and not sys.flags.no_user_site and _contents(f"{base}/lib/python{major}.{minor}/site-packages"))


def has_hooks(folder: str) -> bool:
    """Whether `site` would run something in a folder."""
    return _holds_hooks(_contents(folder))


def _contents(folder: str) -> "list[str]":
    try:
        return posix.listdir(folder)
    except OSError:
        return []


def _holds_hooks(found: "list[str]") -> bool:
    return any(name.endswith(".pth") or name.startswith(("sitecustomize", "usercustomize")) for name in found)


def _recorded(runtime_dir: str) -> "list[str] | None":
    try:
        # By system calls: a file object makes three times as many.
        descriptor = posix.open(f"{runtime_dir}/{RECORD}", posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            interpreter, *folders = posix.read(descriptor, MAX_RECORD_BYTES).decode().splitlines()
        finally:
            posix.close(descriptor)
    except (OSError, ValueError):
        return None
    return folders if interpreter == sys.executable else None


def record(runtime_dir: str) -> None:
    """Write down this interpreter and where its packages are; the image's build calls it.

    An interpreter that has a `sitecustomize` of its own gets no record: that is for `site` to run.

    Args:
        runtime_dir: where the record goes.
    """
    import importlib.util
    import site

    if importlib.util.find_spec("sitecustomize") is None and sys.prefix == sys.base_prefix:
        # Those that are not there too: an image that is built on this one may install something into them.
        folders = site.getsitepackages()
        with open(f"{runtime_dir}/{RECORD}", "w", encoding="utf-8") as file:
            file.write("\n".join([sys.executable, *folders]) + "\n")
