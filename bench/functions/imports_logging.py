"""What most functions import."""

import json
import logging

logger = logging.getLogger(__name__)


def handler(event: object, context: object) -> str:
    return json.dumps(event)
