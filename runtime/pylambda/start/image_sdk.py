"""boto3 as the boto3 variant of the image brings it, for functions that count on Amazon's image to have it.

boto3, botocore and s3transfer of one release fit together and to no other. So they lie in a folder that is not on the
search path, and are taken whole or not at all: where the function brings one of them, in its folder, in a layer or
installed, all of them have to be its own. What else they need (jmespath, dateutil, six, urllib3) fits in many versions;
it lies beside `requests`, and a user's own goes before each of them.
"""

import sys

from pylambda import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType


def find(name: str, folder: str, warn: "Callable[[str], None]") -> "ModuleSpec | None":
    """Find one of the family that nobody else found, and put the image's own at the very end of the search path.

    Args:
        name: one of the family.
        folder: where the image has it, if it has it.
        warn: told, in a line, where the function has another one of the family.
    """
    from _frozen_importlib_external import PathFinder

    spec: ModuleSpec | None = PathFinder.find_spec(name, [folder])
    if spec is None or folder in sys.path:
        return None
    for other in names.SDK_FAMILY:
        found = sys.modules.get(other) or PathFinder.find_spec(other)
        if found is not None:
            warn(
                f"{name} of the image stays out, because {other} is the function's own, {_place(found)}: "
                f"install {name} beside it, or take {other} away"
            )
            return None
    sys.path.append(folder)
    return spec


def _place(found: "ModuleType | ModuleSpec") -> str:
    spec = getattr(found, "__spec__", found)
    return str(getattr(spec, "origin", None) or getattr(found, "__name__", ""))
