import os

import sentry_sdk
import work
from sentry_sdk.integrations.serverless import serverless_function

sentry_sdk.init(dsn=f"http://key@{os.environ['SINK']}/1", traces_sample_rate=1.0)
work.start()


@serverless_function
def handler(event, context):
    return work.work(event, context)
