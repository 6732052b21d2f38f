"""pylambda: the runtime for Python functions on AWS Lambda.

What a function may import is listed in `__all__`; everything else in this package is private.
"""

from pylambda.names import VERSION as __version__

__all__ = ["__version__"]
