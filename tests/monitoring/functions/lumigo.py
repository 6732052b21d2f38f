import os

import work
from lumigo_tracer import lumigo_tracer

work.start()


@lumigo_tracer(token="t_0123456789abcdef01234", edge_host=os.environ["SINK"])
def handler(event, context):
    return work.work(event, context)
