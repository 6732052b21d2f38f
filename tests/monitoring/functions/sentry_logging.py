import logging
import os

import sentry_sdk
import work

sentry_sdk.init(dsn=f"http://key@{os.environ['SINK']}/1", default_integrations=True)
work.start()


def handler(event, context):
    try:
        return work.work(event, context)
    except ValueError:
        logging.getLogger("orders").exception("order %s failed", 7)
        sentry_sdk.flush()
        raise
