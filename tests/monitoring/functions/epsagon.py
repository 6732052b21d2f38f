import os

import epsagon
import work

epsagon.init(token="token", app_name="orders", metadata_only=False, collector_url=f"http://{os.environ['SINK']}/traces")
work.start()


@epsagon.lambda_wrapper
def handler(event, context):
    return work.work(event, context)
