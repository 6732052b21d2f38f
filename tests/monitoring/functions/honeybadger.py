import os

import work
from honeybadger import honeybadger

honeybadger.configure(api_key="key", endpoint=f"http://{os.environ['SINK']}", force_report_data=True, force_sync=True)
work.start()


def handler(event, context):
    return work.work(event, context)
