import newrelic.agent

newrelic.agent.initialize()

import work  # noqa: E402
from newrelic_lambda.lambda_handler import lambda_handler  # noqa: E402

work.start()


@lambda_handler()
def handler(event, context):
    return work.work(event, context)
