"""Ways to fail, by name: `{"case": "plain"}`."""

import json

CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def handler(event, context):
    return CASES[event["case"]]()


class OrderRejected(Exception):
    pass


class lowercase(Exception):  # noqa: N801
    pass


class Error2(Exception):
    pass


class Order_Rejected(Exception):  # noqa: N801
    pass


class E(Exception):
    pass


class Störung(Exception):
    pass


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text for this one")


class NotText(Exception):
    def __str__(self):
        return 42  # noqa: PLE0307


@case
def fine():
    return "fine"


@case
def plain():
    raise ValueError("plain")


@case
def custom():
    raise OrderRejected("no stock")


@case
def nested_class():
    class Inner(Exception):
        pass

    raise Inner("inside")


@case
def lower_case_type():
    raise lowercase("x")


@case
def digit_in_type():
    raise Error2("x")


@case
def underscore_in_type():
    raise Order_Rejected("x")


@case
def one_letter_type():
    raise E("x")


@case
def non_ascii_type():
    raise Störung("Größe überschritten: 10 €")


@case
def type_with_line_end():
    raise type("Bad\r\nX-Injected: yes", (Exception,), {})("x")


@case
def without_message():
    raise OrderRejected


@case
def key_error():
    raise KeyError("k")


@case
def multi_line():
    raise ValueError("first\nsecond\r\nthird")


@case
def control_characters():
    raise ValueError("nul \0 escape \x1b[31m tab \t bell \a")


@case
def unicode():
    raise ValueError("日本語 😀 \u2028 é")


@case
def surrogate():
    raise ValueError("half \ud800 of a pair")


@case
def surrogate_from_bytes():
    raise ValueError(b"caf\xe9".decode("ascii", "surrogateescape"))


@case
def unprintable():
    raise Unprintable


@case
def not_text():
    raise NotText


@case
def long_message():
    raise ValueError("x" * 300_000)


@case
def very_long_message():
    raise ValueError("x" * 2_000_000)


@case
def recursion():
    return recursion()


@case
def mutual_recursion():
    def ping():
        return pong()

    def pong():
        return ping()

    return ping()


@case
def group():
    raise ExceptionGroup("many", [ValueError("one"), TypeError("two")])


@case
def chained():
    try:
        raise ValueError("the cause")
    except ValueError as error:
        raise OrderRejected("the effect") from error


@case
def while_handling():
    try:
        raise ValueError("first")
    except ValueError:
        raise OrderRejected("second")  # noqa: B904


@case
def stop_iteration():
    return next(iter(()))


@case
def in_a_library():
    return json.loads("{")


@case
def in_code_without_a_file():
    return eval("1 / 0")


@case
def non_ascii_function():
    def größe():
        raise ValueError("x")

    return größe()


@case
def without_a_form_in_json():
    return {"value": object()}


@case
def circular():
    value = []
    value.append(value)
    return value


@case
def too_deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return value


@case
def tuple_key():
    return {(1, 2): 3}


@case
def bytes_that_are_not_text():
    return {"value": b"\xff"}
