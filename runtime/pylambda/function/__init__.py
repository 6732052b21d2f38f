"""Whatever the user wrote, as one callable shape: names, hints, decorators, the event loop, `context`."""
