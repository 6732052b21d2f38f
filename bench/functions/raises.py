"""A function that fails each time, two frames deep."""


def handler(event: object, context: object) -> object:
    return check(event)


def check(event: object) -> object:
    raise ValueError(f"no order has {len(str(event))} characters")
