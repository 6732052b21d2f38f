"""Writes the byte code of a start into one file. Only the image's build imports this.

What belongs to a start is not listed anywhere: it is what `import pylambda.main` imports.
"""

import marshal
import sys
from pathlib import Path
from types import CodeType

import pylambda.main


def write(runtime_dir: str) -> Path:
    """Write the file that `__main__` looks for.

    Args:
        runtime_dir: the folder that holds this package.

    Returns:
        The file's path; its name tells for which byte code it is.
    """
    modules: dict[str, tuple[bool, str, CodeType]] = {}
    for name in [name for name in sys.modules if name.split(".")[0] == pylambda.__name__ and name != __name__]:
        spec = sys.modules[name].__spec__
        assert spec is not None
        is_package = spec.submodule_search_locations is not None
        # Where it will be found, which is not where it was imported from if that was through a link.
        file = f"{runtime_dir}/{name.replace('.', '/')}{'/__init__' if is_package else ''}.py"
        # Without docstrings: they are a third of what has to be read.
        code = compile(Path(file).read_bytes(), file, "exec", dont_inherit=True, optimize=2)
        modules[name] = is_package, file, code
    target = Path(runtime_dir, f"cold-path.{sys.implementation.cache_tag}")
    target.write_bytes(marshal.dumps(modules))
    return target
