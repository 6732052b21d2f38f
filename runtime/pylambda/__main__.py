"""The way in. `bootstrap` runs this file by its path, `python -m pylambda` runs it as a module; both do the same.

A file that is run is compiled at every start; what it imports has byte code. So there is little in here: where the
image's build wrote the byte code of all modules of a start into one file (`cold_path.write`), they are taken from
there, because opening twenty files takes longer than running what is in them.
"""

import marshal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType


class ColdPath:
    """Finds the modules of a start in what `cold_path.write` wrote: name -> is it a package, its file, its code."""

    def __init__(self, modules: "dict[str, tuple[bool, str, CodeType]]") -> None:
        self._modules = modules

    def find_spec(self, name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        if name not in self._modules:
            return None
        is_package, file, _ = self._modules[name]
        spec: ModuleSpec = type(sys.__spec__)(name, self, origin=file)  # type: ignore[arg-type]
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [file.rpartition("/")[0]]
        return spec

    def create_module(self, spec: "ModuleSpec") -> None:
        pass

    def exec_module(self, module: "ModuleType") -> None:
        exec(self._modules[module.__name__][2], module.__dict__)


def start() -> int:
    runtime_dir = __file__.removesuffix("/pylambda/__main__.py")
    if not __package__:
        # Run by its path, with -P: nothing of this package can be found yet.
        sys.path.insert(0, runtime_dir)
    try:
        with open(f"{runtime_dir}/cold-path.{sys.implementation.cache_tag}", "rb") as file:
            sys.meta_path.insert(0, ColdPath(marshal.loads(file.read())))
    except OSError:
        from pylambda.main import main
    else:
        from pylambda.main import main

        del sys.meta_path[0]
    return main()


if __name__ == "__main__":
    sys.exit(start())
