"""The formatter of JSON log records, under the name that people import."""

import logging  # noqa: F401 - before `records`, which is imported where `logging` is

from pylambda.log.records import JsonFormatter

__all__ = ["JsonFormatter"]
