"""The way in. `bootstrap` runs this file by its path, `python -m pylambda` runs it as a module; both do the same.

A file that is run is compiled at every start; what it imports has byte code. So nothing else is in here.
"""

import sys

if __name__ == "__main__":
    if not __package__:
        # Run by its path, with -P: nothing of this package can be found yet.
        sys.path.insert(0, __file__.removesuffix("/pylambda/__main__.py"))
    from pylambda.main import main

    sys.exit(main())
