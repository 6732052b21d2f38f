import work
from aws_embedded_metrics import metric_scope

work.start()


@metric_scope
def handler(event, context, metrics):
    metrics.set_namespace("shop")
    metrics.put_metric("orders", 1, "Count")
    return work.work(event, context)
