"""The way in. `bootstrap` runs this file by its path, `python -m pylambda` runs it as a module; both do the same.

A file that is run is compiled at every start; what it imports has byte code. So there is little in here: where the
image's build wrote the byte code of all modules of a start into one file (`cold_path.write`), they are made from that.
"""

import sys

if __name__ == "__main__":
    if not __package__:
        # Run by its path, with -P: nothing of this package can be found yet.
        runtime_dir = __file__.removesuffix("/pylambda/__main__.py")
        sys.path.insert(0, runtime_dir)
        try:
            with open(f"{runtime_dir}/cold-path.{sys.implementation.cache_tag}", "rb") as file:
                cold_path = file.read()
        except OSError:
            pass
        else:
            import marshal

            loader, contents = marshal.loads(cold_path)
            exec(loader)  # defines `load`
            globals()["load"](contents)
    from pylambda.main import attribute_of_main as __getattr__  # noqa: F401 - integrations look in here
    from pylambda.main import main

    sys.exit(main())
