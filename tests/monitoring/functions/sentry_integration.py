import os

import sentry_sdk
import work
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration

sentry_sdk.init(
    dsn=f"http://key@{os.environ['SINK']}/1",
    traces_sample_rate=1.0,
    integrations=[AwsLambdaIntegration(timeout_warning=True)],
)
work.start()


def handler(event, context):
    return work.work(event, context)
