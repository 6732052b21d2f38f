import work
from aws_xray_sdk.core import patch_all, xray_recorder

patch_all()
work.start()


@xray_recorder.capture("work")
def step(event, context):
    return work.work(event, context)


def handler(event, context):
    return step(event, context)
