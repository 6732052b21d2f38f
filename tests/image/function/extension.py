#!/var/lang/bin/python3
"""An external extension: registers for invocations and tells of each on its standard output.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import json
import os
import sys
from urllib.request import Request, urlopen

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"

name = os.path.basename(sys.argv[0])
register = Request(f"{API}/register", b'{"events": ["INVOKE"]}', {"Lambda-Extension-Name": name})
with urlopen(register) as answer:
    own_id = answer.headers["Lambda-Extension-Identifier"]
print(f"extension {name} is registered", flush=True)
while True:
    with urlopen(Request(f"{API}/event/next", headers={"Lambda-Extension-Identifier": own_id})) as answer:
        print(f"extension {name} saw {json.load(answer)['eventType']}", flush=True)
