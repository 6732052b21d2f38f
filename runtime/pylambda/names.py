"""Every word of the Runtime API, spelled once: paths, headers, variables, content types.

A header that goes in two directions has two spellings: the usual one where the runtime sends it, and lower case, in
which `wire` keeps it, where the runtime receives it.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html and, for what that page leaves out
(`Lambda-Runtime-Invocation-Id`, the X-Ray cause), the official runtime interface clients.
"""

VERSION = "0.1.0"

# Paths of the Runtime API.
API_VERSION = "/2018-06-01/runtime"
NEXT_PATH = f"{API_VERSION}/invocation/next"
INVOCATION_PATH = f"{API_VERSION}/invocation/"
INIT_ERROR_PATH = f"{API_VERSION}/init/error"
RESTORE_NEXT_PATH = f"{API_VERSION}/restore/next"
RESTORE_ERROR_PATH = f"{API_VERSION}/restore/error"
# Paths of the Extensions API, at the same address.
REGISTER_EXTENSION_PATH = "/2020-01-01/extension/register"
NEXT_EXTENSION_EVENT_PATH = "/2020-01-01/extension/event/next"

# Headers of a `/next` reply.
REQUEST_ID = "lambda-runtime-aws-request-id"
DEADLINE_MS = "lambda-runtime-deadline-ms"
FUNCTION_ARN = "lambda-runtime-invoked-function-arn"
TRACE_ID = "lambda-runtime-trace-id"
CLIENT_CONTEXT = "lambda-runtime-client-context"
COGNITO_IDENTITY = "lambda-runtime-cognito-identity"
TENANT_ID = "lambda-runtime-aws-tenant-id"
INVOCATION_ID = "lambda-runtime-invocation-id"
EXTENSION_ID = "lambda-extension-identifier"
CONTENT_TYPE = "content-type"
CONTENT_LENGTH = "content-length"
TRANSFER_ENCODING = "transfer-encoding"
CONNECTION = "connection"
DATE = "date"

# Headers of a request.
SEND_CONTENT_TYPE = "Content-Type"
SEND_CONTENT_LENGTH = "Content-Length"
SEND_INVOCATION_ID = "Lambda-Runtime-Invocation-Id"
SEND_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
SEND_XRAY_CAUSE = "Lambda-Runtime-Function-XRay-Error-Cause"
SEND_EXTENSION_NAME = "Lambda-Extension-Name"
SEND_EXTENSION_ID = "Lambda-Extension-Identifier"
# Of a streamed response. The emulator takes the mode in these very letters only; the error's type is a trailer there.
SEND_RESPONSE_MODE = "Lambda-Runtime-Function-Response-Mode"
STREAMING = "streaming"
SEND_TRANSFER_ENCODING = "Transfer-Encoding"
SEND_TRAILER = "Trailer"
SEND_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"

# What that header says of failures around a snapshot, whatever the error document says.
BEFORE_SNAPSHOT_ERROR = "Runtime.BeforeSnapshotError"
AFTER_RESTORE_ERROR = "Runtime.AfterRestoreError"
# And of one in a hook before workers are forked.
PRE_FORK_ERROR = "Runtime.PreForkError"

# Content types.
JSON = "application/json"
UNKNOWN = "application/unknown"
OCTET_STREAM = "application/octet-stream"
# A stream that begins with status, headers and cookies as JSON, then `streams.PRELUDE_END`, then the body.
HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"

# Variables that the platform sets or reads.
RUNTIME_API = "AWS_LAMBDA_RUNTIME_API"
HANDLER = "_HANDLER"
TASK_ROOT = "LAMBDA_TASK_ROOT"
RUNTIME_DIR = "LAMBDA_RUNTIME_DIR"
PYTHONPATH = "PYTHONPATH"
EXECUTION_ENV = "AWS_EXECUTION_ENV"
EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
LOG_GROUP_NAME = "AWS_LAMBDA_LOG_GROUP_NAME"
LOG_STREAM_NAME = "AWS_LAMBDA_LOG_STREAM_NAME"
FUNCTION_NAME = "AWS_LAMBDA_FUNCTION_NAME"
FUNCTION_MEMORY_SIZE = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
REGION = "AWS_REGION"
FUNCTION_VERSION = "AWS_LAMBDA_FUNCTION_VERSION"
LOG_FORMAT = "AWS_LAMBDA_LOG_FORMAT"
LOG_LEVEL = "AWS_LAMBDA_LOG_LEVEL"
TELEMETRY_LOG_FD = "_LAMBDA_TELEMETRY_LOG_FD"
LOG_PROVIDER_SOCKET = "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"
# How many invocations an environment serves at once; set where it serves several. The second is the user's to set.
MAX_CONCURRENCY = "AWS_LAMBDA_MAX_CONCURRENCY"
CONCURRENCY_MODE = "AWS_LAMBDA_CONCURRENCY_MODE"
INITIALIZATION_TYPE = "AWS_LAMBDA_INITIALIZATION_TYPE"
SNAP_START = "snap-start"
XRAY_TRACE_ID = "_X_AMZN_TRACE_ID"
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
HOME = "HOME"
PATH = "PATH"
# What it begins with in an image that nobody put a virtual environment into.
SYSTEM_PROGRAMS = ("/var/lang/bin", "/usr/local/bin", "/usr/bin")
PYTHONUSERBASE = "PYTHONUSERBASE"
# What `bootstrap` tells the C library's malloc of this process.
MALLOC_SETTINGS = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
# The only folder that Lambda lets a function write to.
WRITABLE_DIR = "/tmp"

# Variables of ours.
LOCAL = "PYLAMBDA_LOCAL"
LOCAL_STREAMS = "streams"  # its value where the far side passes streams on
JSON_MODE = "PYLAMBDA_JSON"
UVLOOP = "PYLAMBDA_UVLOOP"
DEADLINE_MARGIN_MS = "PYLAMBDA_DEADLINE_MARGIN_MS"
DEADLINE_DUMP_MS = "PYLAMBDA_DEADLINE_DUMP_MS"
ROOT_PATH = "PYLAMBDA_ROOT_PATH"
NON_HTTP = "PYLAMBDA_NON_HTTP"
HEALTH_PATH = "PYLAMBDA_HEALTH_PATH"
STREAM = "PYLAMBDA_STREAM"
CONCURRENCY = "PYLAMBDA_CONCURRENCY"
PREFORK = "PYLAMBDA_PREFORK"
SHUTDOWN = "PYLAMBDA_SHUTDOWN"
MAX_INVOCATIONS = "PYLAMBDA_MAX_INVOCATIONS"
MAX_RSS_MB = "PYLAMBDA_MAX_RSS_MB"
PRINT = "PYLAMBDA_PRINT"
OTEL = "PYLAMBDA_OTEL"
FOR_LIFE = (SHUTDOWN, MAX_INVOCATIONS, MAX_RSS_MB, OTEL)

# OpenTelemetry's own, where the function leaves it to the runtime to set that up.
OTEL_TRACES_EXPORTER = "OTEL_TRACES_EXPORTER"
OTEL_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
OTEL_TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
# What its propagators of X-Ray look for, in these very letters.
XRAY_HEADER = "X-Amzn-Trace-Id"

# Packages of one release fit together and to no other; the folder of the runtime's where the boto3 variant has them.
SDK_FAMILY = ("boto3", "botocore", "s3transfer")
SDK_FOLDER = "aws-sdk"
