"""The same behind uvicorn on loopback, asked by a client that makes the request and keeps its connection.

What the Lambda Web Adapter does, without its process: the client is a plain handler, so what is between the Runtime
API and the client is ours.
"""

import http.client
import os
import subprocess
import sys
import time
from typing import Any

SERVER = """
import os, sys, threading, uvicorn
from web_fastapi import app
server = uvicorn.Server(uvicorn.Config(app, port=int(sys.argv[1]), log_level="warning", access_log=False))
threading.Thread(target=server.run, daemon=True).start()
sys.stdin.read()  # until the function is gone
os._exit(0)
"""
PORT = 20000 + os.getpid() % 20000
PATIENCE_S = 30
server = subprocess.Popen(
    [sys.executable, "-c", SERVER, str(PORT)], stdin=subprocess.PIPE, cwd=os.path.dirname(__file__)
)


def connect() -> http.client.HTTPConnection:
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", PORT)
        try:
            connection.connect()
        except ConnectionRefusedError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)
        else:
            return connection


connection = connect()


def handler(event: Any, context: object) -> dict[str, Any]:
    connection.request(
        event["requestContext"]["http"]["method"], event["rawPath"], event["body"].encode(), event["headers"]
    )
    response = connection.getresponse()
    return {
        "statusCode": response.status,
        "headers": dict(response.getheaders()),
        "body": response.read().decode(),
        "isBase64Encoded": False,
    }
