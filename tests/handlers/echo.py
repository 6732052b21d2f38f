"""Gives back what it gets. `{"hex": "00ff"}` becomes the bytes that it spells."""


def handler(event, context):
    if isinstance(event, bytes):
        return {"bytes": event.hex()}
    if isinstance(event, dict) and "hex" in event:
        return bytes.fromhex(event["hex"])
    return event
