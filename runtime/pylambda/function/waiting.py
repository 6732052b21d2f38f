"""Where a coroutine waits, for the message of one that was cancelled: the user's frames, not those of this package."""

import os
import traceback
from typing import Any

STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def waiting_frames(source: Any) -> list[traceback.FrameSummary]:
    """Return where a suspended coroutine or asynchronous generator waits, outermost first."""
    frames: list[traceback.FrameSummary] = []
    while source is not None:
        for prefix in ("cr", "ag", "gi"):
            frame = getattr(source, f"{prefix}_frame", None)
            if frame is not None:
                if frame.f_code.co_filename.startswith(PACKAGE):
                    break
                frames.append(traceback.FrameSummary(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
                break
        else:
            break
        source = getattr(source, "gi_yieldfrom" if prefix == "gi" else f"{prefix}_await", None)
    return frames


def place(frames: list[traceback.FrameSummary]) -> str:
    """Say in words where the innermost frame is that is neither Python's nor an installed package's."""
    own = [frame for frame in frames if not frame.filename.startswith(STANDARD_LIBRARY)] or frames
    if not own:
        return "at a place that cannot be told"
    frame = own[-1]
    line = f": {frame.line}" if frame.line else ""
    return f"in {frame.name} ({os.path.basename(frame.filename)}, line {frame.lineno}){line}"
