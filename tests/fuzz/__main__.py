"""`make fuzz FOR=10m SEED=1`: the properties of `tests/fuzz` again and again, each round with the next seed; half of
the time goes to the targets of `guided`, which look for new lines, where they are asked for with GUIDED=1.

A round that fails prints the input, and the seed that finds it again.
"""

import argparse
import itertools
import os
import re
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
FOUND = ROOT / ".cache" / "fuzz"
UNITS_S = {"s": 1, "m": 60, "h": 3600}
GUIDED = ("replies", "cuts", "events", "requests", "contexts")
LONGEST_INPUT_BYTES = 2000


def duration_s(text: str) -> float:
    """Read `90s`, `10m` or `1h`."""
    found = re.fullmatch(r"(\d+)([smh])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 90s, 10m or 1h")
    return int(found[1]) * UNITS_S[found[2]]


def rounds(seconds: float, seed: int) -> int:
    """Run rounds until the time is over; return how many, or end with the exit code of the one that failed."""
    end = time.monotonic() + seconds
    for number in itertools.count(seed):
        if number > seed and time.monotonic() > end:
            return number - seed
        words = ("-q", "--no-header", "--hypothesis-profile=round", f"--hypothesis-seed={number}", os.fspath(FOLDER))
        code = subprocess.run((sys.executable, "-m", "pytest", *words), cwd=ROOT, check=False).returncode
        if code:
            print(f"Seed {number} found something: make fuzz FOR=1s SEED={number}")
            sys.exit(code)
    raise AssertionError("there is always a next seed")


def guided(seconds: float, seed: int) -> None:
    """Look for inputs that reach new lines, the same time for each target."""
    for target in GUIDED:
        found = FOUND / target
        found.mkdir(parents=True, exist_ok=True)
        options = (
            f"-max_total_time={max(1, round(seconds / len(GUIDED)))}",
            f"-seed={seed}",
            f"-max_len={LONGEST_INPUT_BYTES}",
            f"-artifact_prefix={FOUND}/{target}-",
            "-print_final_stats=1",
            "-verbosity=0",
        )
        words = (
            sys.executable,
            "-m",
            "tests.fuzz.guided",
            target,
            os.fspath(found),
            os.fspath(FOLDER / "corpus" / target),
        )
        print(f"guided: {target}", flush=True)
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/runtime"}
        code = subprocess.run((*words, *options), cwd=ROOT, env=environment, check=False).returncode
        if code:
            print(f"The input is the file named above; put it into tests/fuzz/corpus/{target}")
            sys.exit(code)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--for", dest="seconds", type=duration_s, default=duration_s("1m"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--guided", action="store_true")
    arguments = parser.parse_args()
    seconds = arguments.seconds / 2 if arguments.guided else arguments.seconds
    if arguments.guided:
        guided(seconds, arguments.seed)
    count = rounds(seconds, arguments.seed)
    print(f"{count} rounds found nothing")


if __name__ == "__main__":
    main()
