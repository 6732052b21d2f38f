"""One function with a handler of each kind."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass

import amazons
import boto3

import awslambdaric
import pylambda


def plain(event, context):
    child = [sys.executable, "-c", "import amazons, pylambda; print(amazons.__file__)"]
    return {
        "event": event,
        "path": sys.path,
        "boto3": boto3.__file__,
        "amazons": amazons.__file__,
        "a child's": subprocess.run(child, capture_output=True, text=True, check=True).stdout.strip(),
        "client": awslambdaric.__file__,
        "runtime_dir": os.environ["LAMBDA_RUNTIME_DIR"],
        "execution_env": os.environ["AWS_EXECUTION_ENV"],
    }


def failing(event, context):
    raise LookupError("nobody home")


def streaming(event, context):
    for number in range(event["n"]):
        yield f"{number} "


async def waiting(event, context):
    await asyncio.sleep(0)
    return event


@dataclass
class Order:
    id: int


@pylambda.typed
def typed(order: Order, context):
    return order.id
