"""Where imports come from: the order of Amazon's start script, and two names that must not be taken over.

The order: the function's folder, the layers' folders, the image's own site-packages, the standard library and what
was installed for this Python, the packages of a virtual environment whose programs come first on PATH, and last this
package and what is bundled beside it, so that a user's own version of anything wins.

A function may hold a `logging.py` or a `json.py`. Amazon's runtime has those modules loaded before the function's
folder is on the path, so there they never take over; this runtime loads them late, so a finder keeps their names
for the standard library. What this package needs late, to report a failure say, comes from the standard library too,
whatever lies in the function's folder. The same finder tells when a module is loaded for the first time: `logging`
gets its root handler then, so a function that never logs never pays for it.

Source of the order: Amazon's `/var/runtime/bootstrap.py` in the python images.
"""

import sys
from _frozen_importlib_external import PathFinder

from pylambda import names
from pylambda.start import installed, source_code

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    Then = Callable[[], None]

    from pylambda.start.environment import Variables
    from pylambda.start.settings import Settings

LAYER = "/opt/python"
# This package, and what stands in for the official client, by its name and by the one of `client_package`.
OURS = ("pylambda.", "awslambdaric.", "pylambda_awslambdaric.")
# What the official client has loaded before the function's folder is searched: neither more nor less, because a
# function may well have an `email.py` that works there.
STANDARD_NAMES = frozenset(
    (
        "abc codecs collections contextlib copyreg decimal encodings enum functools genericpath importlib io json "
        "keyword linecache logging math numbers operator os posixpath re reprlib site stat string textwrap threading "
        "time traceback types warnings weakref zipimport"
    ).split()
)
if sys.version_info < (3, 13):
    STANDARD_NAMES |= {"token", "tokenize"}

# See `mended`.
MENDED: "tuple[str, ...]" = ("subprocess",)
if sys.version_info >= (3, 12):
    MENDED += ("concurrent", "concurrent.futures")


def set_up(settings: "Settings", path: "list[str]", environ: "Variables") -> None:
    """Put the function's, the layers' and our folders on `path`, and run their `.pth` files.

    Args:
        settings: names the folders.
        path: `sys.path`; changed in place.
        environ: told of the runtimes' folders in `PYTHONPATH`, for child processes, where it is not set.
    """
    major, minor = sys.version_info[:2]
    site_packages = f"lib/python{major}.{minor}/site-packages"
    with_layers = names.PYTHONPATH not in environ
    layers = [f"{LAYER}/{site_packages}", LAYER] if with_layers else []
    if settings.runtime_dir in path:
        path.remove(settings.runtime_dir)
    image_own = [f"/var/lang/{site_packages}"] if with_layers else []
    runtimes = [settings.runtime_dir]
    amazons = environ.get(names.RUNTIME_DIR)
    if amazons and amazons != settings.runtime_dir:
        runtimes.append(amazons)
        image_own = [settings.runtime_dir, *image_own, amazons]
    path[:0] = [settings.task_root, *layers, *image_own]
    # It is there already where it is that environment's Python that runs.
    venv = [folder for folder in [f"{settings.venv}/{site_packages}"] if settings.venv and folder not in path]
    path += [*venv, settings.runtime_dir, f"{settings.runtime_dir}/vendor"]
    for folder in [settings.task_root, *layers, *venv]:
        if installed.has_hooks(folder):
            import site

            site.addsitedir(folder)
    if with_layers:
        environ[names.PYTHONPATH] = ":".join(runtimes)


class ImageSdkLast:
    """A finder that is asked last, for what nobody else found, and finds boto3 where the image has it.

    A function that has a boto3 of its own, or imports none, does not pay for it; see `image_sdk`.

    Args:
        folder: where an image that has it has it.
        warn: says a line.
    """

    def __init__(self, folder: str, warn: "Callable[[str], None]") -> None:
        self._folder = folder
        self._warn = warn

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Find one of boto3's family; leave every other name."""
        if name not in names.SDK_FAMILY:
            return None
        from pylambda.start import image_sdk

        return image_sdk.find(name, self._folder, self._warn)


class StandardLibraryFirst:
    """A finder that keeps `STANDARD_NAMES` for the standard library and, while a module of this package is being
    loaded, every name that the standard library has.

    Args:
        path: the search path before the function's folders were put on it.
    """

    def __init__(self, path: "list[str]") -> None:
        self._path = path
        self._awaited: dict[str, Then] = {}
        self._loading_ours = 0

    def when_loaded(self, name: str, then: "Then") -> None:
        """Call `then` when a module is loaded: now, if it is; never again, when it is loaded anew."""
        if name in sys.modules:
            then()
        else:
            self._awaited[name] = then

    def find_spec(
        self, name: str, path: "Sequence[str] | None" = None, target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        """Find a kept name in the standard library, any other where it is searched for after this finder anyway."""
        is_ours = name.startswith(OURS)
        is_kept = name in STANDARD_NAMES or (self._loading_ours and name in sys.stdlib_module_names)
        spec: ModuleSpec | None = PathFinder.find_spec(name, self._path if is_kept and not is_ours else path, target)
        if spec is None or spec.loader is None:
            return spec
        if is_ours:
            self._note_while_loading(spec.loader)
        elif name in self._awaited:
            _call_after_exec(spec.loader, self._awaited.pop(name))
        else:
            source_code.prepare(spec)
        return spec

    def _note_while_loading(self, loader: "Any") -> None:
        exec_module = loader.exec_module

        def exec_module_of_ours(module: "ModuleType") -> None:
            self._loading_ours += 1
            try:
                exec_module(module)
            finally:
                self._loading_ours -= 1

        loader.exec_module = exec_module_of_ours


def _call_after_exec(loader: "Any", callback: "Then") -> None:
    exec_module = loader.exec_module

    def exec_module_then_call(module: "ModuleType") -> None:
        exec_module(module)
        callback()

    loader.exec_module = exec_module_then_call


def keep_standard_names(path: "list[str]") -> StandardLibraryFirst:
    """Install the finder and return it.

    Args:
        path: `sys.path` as it is before `set_up`.
    """
    finder = StandardLibraryFirst(list(path))
    # Before the one that searches `path`, wherever `.pth` files have put finders of their own; behind those of built-in
    # and frozen modules, which are the standard library's anyway, and quicker.
    sys.meta_path.insert(sys.meta_path.index(PathFinder), finder)
    for name in MENDED:
        finder.when_loaded(name, lambda name=name: _mend(name))  # type: ignore[misc]
    return finder


def _mend(name: str) -> None:
    from pylambda.start import mended

    mended.MENDS[name]()


def find_image_sdk(runtime_dir: str, warn: "Callable[[str], None]") -> None:
    """Install the finder of the image's boto3.

    Args:
        runtime_dir: the folder that holds this package.
        warn: see `ImageSdkLast`.
    """
    sys.meta_path.append(ImageSdkLast(f"{runtime_dir}/{names.SDK_FOLDER}", warn))
