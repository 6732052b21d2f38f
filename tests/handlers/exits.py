"""Ways to end the process from a handler, by name: `{"case": "code"}`. Each first prints that it is about to."""

import asyncio
import os
import sys


class Stop(BaseException):
    pass


def end_by_group():
    raise BaseExceptionGroup("many", [SystemExit(3), KeyboardInterrupt()])


def end_by_stop():
    raise Stop("enough")


def end_by_interrupt():
    raise KeyboardInterrupt


def end_by_generator_exit():
    raise GeneratorExit


def end_by_cancelled():
    raise asyncio.CancelledError


CASES = {
    "code": lambda: sys.exit(3),
    "zero": lambda: sys.exit(0),
    "none": sys.exit,
    "text": lambda: sys.exit("going home"),
    "builtin": lambda: exit(4),
    "interrupt": end_by_interrupt,
    "stop": end_by_stop,
    "group": end_by_group,
    "generator_exit": end_by_generator_exit,
    "cancelled": end_by_cancelled,
    "hard": lambda: os._exit(5),
}


def handler(event, context):
    print("about to end", event["case"], end="")
    CASES[event["case"]]()
