"""The laptop side, which nothing in the runtime imports: the command, the emulator, the local service, events."""

import sys

# Of an image it has no byte code, as no function needs it; and nothing is written outside /tmp there.
if __file__.startswith("/var/runtime/"):
    sys.dont_write_bytecode = True
