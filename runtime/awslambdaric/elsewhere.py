"""The package by its name from anywhere in an image: its build links this file into a folder of installed packages.

It is a file because pip unpacks the official client into a folder of that name: that is found before a file, so who
installs the client gets it, and nothing is written over what lies here.
"""

import os
import sys

FOLDER = os.path.dirname(os.path.realpath(__file__))

if __name__ == "__main__":
    # `python -m awslambdaric`: as /var/runtime/bootstrap.py, with the handler from the arguments.
    sys.path.insert(0, os.path.dirname(FOLDER))
    from pylambda.function.client_package import main_module
    from pylambda.main import attribute_of_main as __getattr__  # noqa: F401 - integrations look in here

    main_module().main(sys.argv)
else:
    from pylambda.function.client_package import load_as

    load_as(__name__, FOLDER)
