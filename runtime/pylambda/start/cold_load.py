"""The program that an image starts: makes the modules of a start from what `cold_path` wrote, and runs `__main__`.

To find and open twenty files takes longer than to run what is in them. Each module is what importing it would have
made: it has a file, a loader and a spec. Only the byte code of this is run, and nobody imports it. It reads by system
calls, because a file object makes twice as many.
"""

import gc
import marshal
import posix
import sys
from _frozen_importlib import ModuleSpec, module_from_spec
from _frozen_importlib_external import ExtensionFileLoader, SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, NamedTuple

    class Start(NamedTuple):
        """What `cold_path` writes, though as a plain tuple.

        Attributes:
            main: the path of `__main__`.
            program: its code.
            extensions: name and path of the standard library's modules in C that a start loads.
            modules: name, attributes of the spec, which lacks its loader, and code of each of this package's modules,
                behind those that it imports.
        """

        main: str
        program: CodeType
        extensions: list[tuple[str, str]]
        modules: list[tuple[str, dict[str, Any], CodeType]]


def read(file: str) -> "Start":
    """Return what a start is made of."""
    descriptor = posix.open(file, posix.O_RDONLY | posix.O_CLOEXEC)
    start: Start = marshal.loads(posix.pread(descriptor, posix.fstat(descriptor).st_size, 0))
    posix.close(descriptor)
    return start


def load_extensions(extensions: "list[tuple[str, str]]") -> None:
    """Import the modules in C without looking for them, where this interpreter would find them there."""
    for name, file in extensions:
        if file.rpartition("/")[0] in sys.path:
            loader = ExtensionFileLoader(name, file)
            spec = ModuleSpec(name, loader, origin=file)
            spec.has_location = True
            module = sys.modules[name] = module_from_spec(spec)
            loader.exec_module(module)


def load(contents: "list[tuple[str, dict[str, Any], CodeType]]") -> None:
    """Make the modules, as if they had been imported."""
    modules = sys.modules
    for name, attributes, _ in contents:
        module = modules[name] = type(sys)(name)
        spec = ModuleSpec.__new__(ModuleSpec)
        spec.__dict__ = attributes
        file, folders = attributes["origin"], attributes["submodule_search_locations"]
        spec.loader = module.__loader__ = SourceFileLoader(name, file)
        module.__file__, module.__spec__ = file, spec
        module.__package__ = name.rpartition(".")[0] if folders is None else name
        if folders is not None:
            module.__path__ = folders
    for name, _, code in contents:
        package, _, last = name.rpartition(".")
        if package:
            setattr(modules[package], last, modules[name])
        exec(code, modules[name].__dict__)


if __name__ == "__main__":
    gc.disable()  # nothing of this is garbage, now or later
    __file__, program, extensions, contents = read(__file__.removesuffix("pyc") + "modules")
    sys.argv[0] = __file__
    load_extensions(extensions)
    load(contents)
    del contents
    gc.freeze()
    gc.enable()
    exec(program)  # as if it were the file that was run
