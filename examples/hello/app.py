"""The smallest function: it greets whoever the event names."""


def handler(event: dict[str, str], context: object) -> dict[str, str]:
    return {"message": f"Hello, {event.get('name', 'world')}!"}
