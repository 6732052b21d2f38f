import os

import work
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"http://{os.environ['SINK']}/v1/traces")))
trace.set_tracer_provider(provider)
work.start()


def handler(event, context):
    with trace.get_tracer("orders").start_as_current_span("work"):
        return work.work(event, context)


AwsLambdaInstrumentor().instrument()
