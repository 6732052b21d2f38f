import os

import bugsnag
import work

bugsnag.configure(
    api_key="0123456789abcdef0123456789abcdef",
    endpoint=f"http://{os.environ['SINK']}/notify",
    session_endpoint=f"http://{os.environ['SINK']}/sessions",
    asynchronous=False,
)
work.start()


@bugsnag.aws_lambda_handler
def handler(event, context):
    return work.work(event, context)
