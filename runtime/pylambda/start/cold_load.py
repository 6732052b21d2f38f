"""Makes the modules of a start from the one file that `cold_path` wrote, which holds the byte code of this one too.

To find and open twenty files takes longer than to run what is in them. Each module is what importing it would have
made: it has a file, a loader and a spec.
"""

import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

    # Name, file, folders (of a package) and code of each module, behind those that it imports.
    Contents = list[tuple[str, str, list[str], CodeType]]


def load(contents: "Contents") -> None:
    """Make the modules, as if they had been imported."""
    modules = sys.modules
    for name, file, folders, _ in contents:
        module = modules[name] = type(sys)(name)
        loader = SourceFileLoader(name, file)
        spec = ModuleSpec(name, loader, origin=file)
        spec.has_location = True
        module.__file__, module.__loader__, module.__spec__ = file, loader, spec
        module.__package__ = name if folders else name.rpartition(".")[0]
        if folders:
            module.__path__ = spec.submodule_search_locations = folders
    for name, _, _, code in contents:
        package, _, last = name.rpartition(".")
        if package:
            setattr(modules[package], last, modules[name])
        exec(code, modules[name].__dict__)
