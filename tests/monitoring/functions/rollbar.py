import os

import rollbar
import work

rollbar.init("token", "production", endpoint=f"http://{os.environ['SINK']}/api/1/", handler="blocking")
work.start()


@rollbar.lambda_function
def handler(event, context):
    return work.work(event, context)
