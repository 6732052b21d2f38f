"""In the place of Amazon's: where a wrapper has taken over, nobody gets here."""

import sys

sys.exit("Amazon's own runtime")
