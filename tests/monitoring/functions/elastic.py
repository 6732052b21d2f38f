import work
from elasticapm.contrib.serverless.aws import capture_serverless

work.start()


@capture_serverless
def handler(event, context):
    return work.work(event, context)
