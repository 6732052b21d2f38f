"""A function with a client that it keeps, as most have."""

import boto3  # type: ignore[import-untyped]

client = boto3.client("s3", region_name="eu-central-1", aws_access_key_id="an-id", aws_secret_access_key="a-secret")


def handler(event: object, context: object) -> object:
    return event
