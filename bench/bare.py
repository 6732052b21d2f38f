"""The cold limit: an interpreter that connects and asks for the next event, and serves none."""

from _socket import socket
from posix import environ

host, _, port = environ[b"AWS_LAMBDA_RUNTIME_API"].partition(b":")
api = socket()
api.connect((host.decode(), int(port)))
api.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: bench\r\n\r\n")
api.recv(1)
