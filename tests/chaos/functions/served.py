"""What `pylambda serve` is broken on: an echo of its token that may take a moment."""

import time


def handler(event, context):
    time.sleep(event["takes_s"])
    return {"token": event["token"]}
