"""The start script by the name that debuggers know: `python /var/runtime/bootstrap.py` starts the runtime.

Imported, it is the official client's module `bootstrap`, as it was named before there was an `awslambdaric`.
"""

import os
import sys

if __name__ == "__main__":
    # Run by its path, or by a debugger, which may have put something else first.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from pylambda.main import attribute_of_main as __getattr__  # noqa: F401 - integrations look in here
    from pylambda.main import main

    sys.exit(main())
else:
    from pylambda.function.client_package import main_module

    sys.modules[__name__] = main_module().bootstrap
