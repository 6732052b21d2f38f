"""The way in. `bootstrap` runs this file by its path, `python -m pylambda` runs it as a module; both do the same.

A file that is run is compiled at every start; what it imports has byte code. So there is little in here. Where the
image's build has written byte code of all of a start (`cold_path.write`), for this kind of interpreter, that is run.
"""

import sys

if __name__ == "__main__":
    if not __package__ and "pylambda" not in sys.modules:
        # Run by its path, with -P: nothing of this package can be found yet.
        runtime_dir = __file__.removesuffix("/pylambda/__main__.py")
        sys.path.insert(0, runtime_dir)
        try:
            with open(f"{runtime_dir}/cold-path.pyc", "rb") as file:
                program = file.read()
        except OSError:
            program = b""
        from _frozen_importlib_external import MAGIC_NUMBER

        if program.startswith(MAGIC_NUMBER):
            import marshal

            __file__ = f"{runtime_dir}/cold-path.pyc"
            exec(marshal.loads(program[16:]))  # makes all modules and runs this file again
    from pylambda.main import attribute_of_main as __getattr__  # noqa: F401 - integrations look in here
    from pylambda.main import main

    sys.exit(main())
