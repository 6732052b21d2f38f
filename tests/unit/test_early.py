"""`make early` of docs/reliability.md: what it says of a Python, and that it fails nothing."""

import subprocess
import sys

from tests.documents import ROOT
from tests.early import Outcome, Row, outcome_of, table

REPORT = """<testsuites><testsuite>
<testcase classname="a.test_a" name="fine"/>
<testcase classname="a.test_a" name="off"><skipped/></testcase>
<testcase classname="a.test_a" name="wrong[1]"><failure message="no"/></testcase>
<testcase classname="a.test_b" name="broken"><error message="no"/></testcase>
</testsuite></testsuites>"""


def test_a_report_says_what_passed_and_names_what_failed() -> None:
    assert outcome_of(REPORT) == Outcome(1, 1, 2, ["a.test_a::wrong[1]", "a.test_b::broken"])


def test_the_table_names_what_failed_below_it() -> None:
    rows = [
        Row("3.15.0", [], Outcome(5, 1, 0, []), Outcome(3, 0, 1, ["parity::a"])),
        Row("3.14.2, free-threaded", ["orjson"], Outcome(4, 0, 40, [f"contract::{n}" for n in range(40)]),
            Outcome(3, 0, 0, [])),
    ]  # fmt: skip
    *head, first, second = table(rows).splitlines()[:4]
    assert head == ["| Python | contract | parity | no wheel yet |", "| --- | --- | --- | --- |"]
    assert first == "| 3.15.0 | 5 passed, 0 failed, 1 skipped | 3 passed, 1 failed | none |"
    assert second == "| 3.14.2, free-threaded | 4 passed, 40 failed | 3 passed, 0 failed | orjson |"
    assert table(rows).splitlines()[4:6] == ["", "3.15.0: parity::a"]
    assert table(rows).splitlines()[-1] == "and 11 more"


def test_the_target_of_the_page_tries_a_python() -> None:
    # Given a few tests of each suite, for which this Python does
    few = "--contract tests/contract/test_endpoint.py --parity tests/parity/test_judge.py"
    # When it is tried as docs/reliability.md has it
    command = ["make", "early", f"PYTHON={sys.executable}", f"ARGS={few}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    # Then the table says so
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith(f"| {sys.version.split()[0]}")]
    assert row.count("passed, 0 failed") == 2


def test_a_python_that_is_none_is_said_in_a_line() -> None:
    command = [sys.executable, "-m", "tests.early", "/nonexistent/python"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("early: ")
    assert "/nonexistent/python" in done.stderr
