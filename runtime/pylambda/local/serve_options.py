"""The settings of `pylambda serve`, each once: flag, variable, default, and a sentence for people."""

from pathlib import Path

from pylambda.local.options import Option, address, count, patterns, port, positive_seconds, seconds, yes_or_no

# Where the page is.
PAGE = "/_pylambda"
FRONTS = ("v2", "v1", "rest", "url", "alb", "alb-multi")

OPTIONS = (
    Option("host", str, "127.0.0.1", "address to listen on (default: 127.0.0.1)", "HOST", ("PYLAMBDA_HOST",)),
    Option("port", port, 8080, "port to listen on; 0 for any free one (default: 8080)", "PORT", ("PYLAMBDA_PORT",)),
    Option(
        "concurrency", count, None, "most workers at once (default: one for each core)", "N", ("PYLAMBDA_WORKERS",)
    ),
    Option(
        "queue", count, 1000, "most invocations that may wait; more get 429 (default: 1000)", "N", ("PYLAMBDA_QUEUE",)
    ),
    Option("reserved", count, None, "reserved concurrency: 0 throttles every call", "N", ("PYLAMBDA_RESERVED",)),
    Option(
        "http", str, "v2", "what stands in front of HTTP requests (default: v2)", "", ("PYLAMBDA_HTTP",), FRONTS
    ),
    Option(
        "front-timeout",
        positive_seconds,
        None,
        "seconds after which what stands in front gives up (default: 29 for rest, 30 for v1 and v2)",
        "SECONDS",
        ("PYLAMBDA_FRONT_TIMEOUT",),
    ),
    Option(
        "timeout",
        positive_seconds,
        3.0,
        "seconds an invocation may take, fractions too (default: 3, as Lambda's)",
        "SECONDS",
        ("PYLAMBDA_TIMEOUT", "AWS_LAMBDA_FUNCTION_TIMEOUT"),
    ),
    Option(
        "memory",
        count,
        None,
        "MB that a worker may hold; one that holds more is killed (default: no limit)",
        "MB",
        ("PYLAMBDA_MEMORY", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
    ),
    Option("name", str, "", "the function's name; other names are unknown (default: any name will do)", "NAME",
           ("AWS_LAMBDA_FUNCTION_NAME",)),
    Option("root", Path, None, "the function's folder (default: here)", "DIR", ("LAMBDA_TASK_ROOT",)),
    Option(
        "reload",
        yes_or_no,
        None,
        "take new workers when a file changes (default: on a checkout yes, in a container no)",
        "",
        ("PYLAMBDA_RELOAD",),
    ),
    Option("reload-include", patterns, (), "more names of files that count, as in *.html,*.json", "PATTERNS",
           ("PYLAMBDA_RELOAD_INCLUDE",)),
    Option("reload-exclude", patterns, (), "names and folders that do not", "PATTERNS", ("PYLAMBDA_RELOAD_EXCLUDE",)),
    Option("env-file", Path, None, "NAME=value lines for the function", "FILE", ("PYLAMBDA_ENV_FILE",)),
    Option("debug", port, None, "wait for a debugger on this port (default: 5678), with the function's own debugpy",
           "PORT", ("PYLAMBDA_DEBUG",), alone="5678"),
    Option("debug-connect", address, None, "connect to a debugger that listens there; it stays over reloads",
           "HOST:PORT", ("PYLAMBDA_DEBUG_CONNECT",)),
    Option("freeze", yes_or_no, False, "stop workers between invocations, as Lambda does", "", ("PYLAMBDA_FREEZE",)),
    Option("extensions", yes_or_no, True, "start the programs of --extensions-dir beside each worker", "",
           ("PYLAMBDA_EXTENSIONS",)),
    Option("extensions-dir", Path, Path("/opt/extensions"), "folder of extensions (default: /opt/extensions)", "DIR",
           ("PYLAMBDA_EXTENSIONS_DIR",)),
    Option("event-retries", count, 2, "how often a failed Event is tried again (default: 2)", "N",
           ("PYLAMBDA_EVENT_RETRIES",)),
    Option("event-retry-delay", seconds, 1.0, "seconds before that (default: 1)", "SECONDS",
           ("PYLAMBDA_EVENT_RETRY_DELAY",)),
    Option("destination", Path, None, "folder for the records of Events", "DIR", ("PYLAMBDA_DESTINATION",)),
    Option("ui", yes_or_no, True, "the page at /_pylambda/", "", ("PYLAMBDA_UI",)),
    Option("cors", yes_or_no, False, "let pages of any origin call", "", ("PYLAMBDA_CORS",)),
    Option("verbose", yes_or_no, False, "show all frames of tracebacks, not the function's own alone", "",
           ("PYLAMBDA_VERBOSE",), short="-v"),
    Option("log-format", str, "text", "lines for people, or a JSON object a line (default: text)", "",
           ("PYLAMBDA_LOG_FORMAT",), ("text", "json")),
)  # fmt: skip
