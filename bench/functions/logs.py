"""Ten log records an invocation, in the format that the environment asks for."""

import logging

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


def handler(event: object, context: object) -> object:
    for number in range(10):
        logger.info("step %d of the order was taken", number)
    return event
