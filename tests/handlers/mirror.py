"""Shows everything that a handler can see of its invocation."""

import os

ATTRIBUTES = (
    "aws_request_id log_group_name log_stream_name function_name memory_limit_in_mb function_version "
    "invoked_function_arn tenant_id"
).split()
CLIENT = "installation_id app_title app_version_name app_version_code app_package_name".split()


def handler(event, context):
    return {
        **{name: getattr(context, name) for name in ATTRIBUTES},
        "client_context": mirror_client_context(context.client_context),
        "identity": {
            "cognito_identity_id": context.identity.cognito_identity_id,
            "cognito_identity_pool_id": context.identity.cognito_identity_pool_id,
        },
        "remaining": [context.get_remaining_time_in_millis() for _ in range(3)],
        "w3c": context.w3c(),
        "repr": repr(context),
        "trace_id": os.environ.get("_X_AMZN_TRACE_ID"),
    }


def mirror_client_context(client_context):
    if client_context is None:
        return None
    client = client_context.client
    return {
        "custom": client_context.custom,
        "env": client_context.env,
        "client": client and {name: getattr(client, name) for name in CLIENT},
    }


def log(event, context):
    """Hand each element of the event to `context.log`."""
    for message in event:
        context.log(message)
