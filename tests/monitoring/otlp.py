"""Prints OTLP requests as JSON, one a line; they come as hexadecimal, one a line. Run with the tools' Python."""

import sys

from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

for line in sys.stdin:
    request = ExportTraceServiceRequest()
    request.ParseFromString(bytes.fromhex(line))
    print(MessageToJson(request, indent=None))
