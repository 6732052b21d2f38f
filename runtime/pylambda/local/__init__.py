"""The laptop side, which nothing in the runtime imports: the command, the emulator, the local service, events."""

import os
import sys

# In an image it has no byte code, as no function needs it; and nothing is written outside /tmp there. The package may
# have been found through a link.
if os.path.realpath(__file__).startswith("/var/runtime/"):
    sys.dont_write_bytecode = True
