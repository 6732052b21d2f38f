"""What every function here does, whatever watches it: it works, fails, or works until its time is nearly up."""

import os
import time

NEARLY_UP_MS = 100


def start() -> None:
    """Let the function's start fail where it is to."""
    if "FAIL_START" in os.environ:
        raise RuntimeError("no start")


def work(event, context):
    """Answer, or raise."""
    if event.get("fail"):
        raise ValueError("on purpose")
    while event.get("near") and context.get_remaining_time_in_millis() > NEARLY_UP_MS:
        time.sleep(0.005)
    return {"statusCode": 200, "body": "fine"}
