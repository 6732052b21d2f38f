import os

import logfire
import work

logfire.configure(
    token="token",
    service_name="orders",
    advanced=logfire.AdvancedOptions(base_url=f"http://{os.environ['SINK']}"),
    console=False,
)
work.start()


def handler(event, context):
    with logfire.span("work"):
        return work.work(event, context)


logfire.instrument_aws_lambda(handler)
