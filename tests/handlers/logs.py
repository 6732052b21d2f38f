"""Ways to log, by name: `{"case": "levels"}`. Something is logged at import too."""

import logging
import sys
import threading

logging.basicConfig(level=logging.DEBUG, format="never seen: %(message)s")
logging.warning("at import")
logger = logging.getLogger("shop.orders")


def levels():
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL, 35):
        logger.log(level, "took %d ms", level)


def multi_line():
    logger.error("first\nsecond\n\nlast\n")


def exception():
    try:
        raise ValueError("in the log\nonly")
    except ValueError:
        logger.exception("it failed")
    logger.error("the line after")


def threads():
    started = [threading.Thread(target=logger.error, args=("from thread %d", number)) for number in range(4)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def unicode():
    logger.error("日本語 😀 é")


def surrogate():
    logger.error("half \ud800 of a pair")


def wrong_arguments():
    logger.error("%d of %d", 1)  # noqa: PLE1206
    logger.error("the line after")


def own_format():
    root = logging.getLogger().handlers[0]
    before = root.formatter
    root.setFormatter(logging.Formatter("mine %(aws_request_id)s %(message)s"))
    logger.error("formatted")
    root.setFormatter(before)


def second_handler_of_the_root():
    own = logging.StreamHandler(sys.stdout)
    own.setFormatter(logging.Formatter("own %(aws_request_id)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(own)
    root.error("of the root")
    root.removeHandler(own)


def prints():
    print("no line end", end="")
    sys.stdout.write(" and more")
    print()
    print("on stderr", file=sys.stderr)


CASES = {
    function.__name__: function
    for function in (
        levels,
        multi_line,
        exception,
        threads,
        unicode,
        surrogate,
        wrong_arguments,
        own_format,
        second_handler_of_the_root,
        prints,
    )
}


def handler(event, context):
    logging.basicConfig()
    if event["case"] == "handlers":
        return len(logging.getLogger().handlers)
    return CASES[event["case"]]()
