"""What the bench makes of numbers and of text, and that its load program measures the real runtime."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from bench import __main__ as command_line
from bench import crowd, figures, importtime, kit, measure, profile, scenarios, serve, soak, table
from bench.scenarios import Line, Scenario

CHECKOUT = Path(__file__).parents[2]

TRACE = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   zipimport
a line that the function printed
import time:       200 |        300 | site
import time:       400 |        400 |   pylambda.names
import time:       500 |        900 | pylambda
import time:      1500 |       1500 |     json.decoder
import time:       700 |       2200 |   json
import time:      5000 |       5000 |   decimal
import time:       300 |       7500 | app
"""


def run(**figures_by_name: float) -> measure.Run:
    return measure.Run(**{**dict.fromkeys(measure.Run._fields, 1.0), **figures_by_name})


# --- Numbers ---


def test_quartiles_include_the_ends() -> None:
    assert figures.spread([4, 1, 3, 2, 5]) == (2, 3, 4)


def test_one_value_is_its_own_spread() -> None:
    assert figures.spread([7.5]) == (7.5, 7.5, 7.5)


def test_ratios_are_taken_round_by_round() -> None:
    assert figures.paired_ratios([1, 30], [2, 40]) == [0.5, 0.75]


def test_a_round_without_a_figure_gives_no_ratio() -> None:
    assert figures.paired_ratios([1, 30], [0, 40]) == [0.75]


def test_what_the_load_program_prints_becomes_figures() -> None:
    raw = {
        "cold": 12_000_000,
        "wall": 900_000,
        "cpu": 600_000,
        "cpu_total": 20_000_000,
        "peak_kib": 10_240,
        "rss_kib": [100, *[110] * 9, 114],
        "invocations": [[1000, 50_000, 70_000], [3000, 52_000, 72_000], [2000, 90_000, 99_000]],
    }
    assert measure.read(raw)._asdict() == {
        "cold_ms": 12,
        "warm_us": 52,
        "trip_us": 55,
        "cycle_us": 72,
        "wall_us": 300,
        "cpu_us": 200,
        "cpu_total_ms": 20,
        "peak_mib": 10,
        "growth_kib": 4,
    }


def test_a_cold_start_has_no_invocations() -> None:
    raw = {"cold": 5_000_000, "wall": 0, "cpu": 0, "cpu_total": 0, "peak_kib": 0, "rss_kib": [], "invocations": []}
    assert measure.read(raw).cold_ms == 5
    assert measure.read(raw).warm_us == 0


# --- Scenarios and goals ---


@pytest.mark.parametrize("size", [64, 10_000, 5_900_000])
def test_a_text_event_has_exactly_its_size(size: int) -> None:
    event = scenarios.text_event(size)
    assert len(event) == size
    assert list(json.loads(event)) == ["text"]


def test_a_records_event_is_just_below_its_size() -> None:
    event = scenarios.records_event(10_000)
    assert 9_800 < len(event) <= 10_000
    assert json.loads(event)["records"][1]["id"] == 100001


def test_every_goal_belongs_to_a_line() -> None:
    goals = table.read_goals((CHECKOUT / "bench" / "goals.toml").read_text())
    lines = {table.key_of(scenario, line) for scenario in scenarios.SCENARIOS for line in scenario.lines}
    assert {
        (goal.scenario, goal.measure, goal.against) for goal in goals
    } <= lines | crowd.row_keys() | serve.row_keys()


def test_every_line_has_a_figure_and_a_name() -> None:
    measures = {line.measure for scenario in scenarios.SCENARIOS for line in scenario.lines}
    assert measures <= set(measure.Run._fields)
    assert set(measure.COLUMNS) == {*measure.Run._fields, *crowd.Seen._fields, *serve.Seen._fields, "event_ms"}


def test_every_handler_is_there() -> None:
    handlers = {scenario.handler_of(runtime) for scenario in scenarios.SCENARIOS for runtime in scenario.runtimes}
    for handler in handlers:
        module = re.sub("^[a-z]+:", "", handler).replace(":", ".").partition(".")[0]
        assert (CHECKOUT / "bench" / "functions" / module).with_suffix(".py").exists()


def test_the_compared_runtimes_are_run_once_each() -> None:
    lines = (Line("warm_us"), Line("cycle_us"), Line("warm_us", scenarios.ECHO))
    assert Scenario("s", "S", lines).runtimes == [scenarios.OURS, scenarios.PEER, scenarios.ECHO]


def test_another_checkout_takes_the_official_clients_place() -> None:
    lines = (Line("warm_us"), Line("warm_us", scenarios.ECHO), Line("growth_kib", ""))
    assert Scenario("s", "S", lines).versus().lines == (Line("warm_us", scenarios.VERSUS), Line("growth_kib", ""))


def test_a_quick_scenario_keeps_at_least_one_invocation() -> None:
    assert Scenario("s", "S", (), invocations=6, runs=10).quick() == Scenario("s", "S", (), invocations=1, runs=2)


def test_the_official_client_is_pinned_with_hashes() -> None:
    lock = (CHECKOUT / "bench" / "peer.lock").read_text()
    assert "awslambdaric==4.2.2 " in lock
    assert lock.count("==") == 3
    assert "--hash=sha256:" in lock


def test_the_chart_library_is_declared() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert any("matplotlib" in requirement for requirement in project["optional-dependencies"]["bench"])


# --- The table ---


def test_a_runtime_that_fails_is_told_and_the_other_scenarios_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object) -> measure.Run:
        raise kit.BenchError("it fell over")

    monkeypatch.setattr(command_line, "run_once", fail)
    failures: list[str] = []
    made = kit.Kit(*[tmp_path] * 5)
    assert command_line.measure_scenario(made, Scenario("s", "S", (Line("warm_us"),)), [], failures) == []
    assert failures == ["S: it fell over"]


def test_an_earlier_run_is_shown_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kind = {"cores": 2, "system": "Linux 6.1", "cpython": "3.12.1", "arch": "x86_64"}
    run_file, page = tmp_path / "run.json", tmp_path / "page.md"
    run_file.write_text(json.dumps({"machine": kind, "rows": table.as_json(rows()), "failures": []}))
    page.write_text(f"{table.MARKER_BEGIN}\n{table.MARKER_END}\n")
    assert command_line.main(["--read", str(run_file), "--docs", str(page)]) == 0
    assert "2 cores, x86_64, Linux 6.1, CPython 3.12.1" in capsys.readouterr().out
    assert "| 64 B | round trip, µs | 45.0 |" in page.read_text()


@pytest.mark.parametrize("text", ["nothing", "{}"])
def test_a_file_that_is_no_run_is_one_clear_line(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.json").write_text(text)
    assert command_line.main(["--read", str(tmp_path / "run.json")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


GOALS = [table.Goal("s", "warm_us", "awslambdaric", 0.42), table.Goal("s", "growth_kib", "", 100)]


def rows() -> list[table.Row]:
    scenario = Scenario("s", "64 B", (Line("warm_us"), Line("cycle_us"), Line("growth_kib", "")))
    rounds = {
        scenarios.OURS: [run(warm_us=40, growth_kib=120), run(warm_us=50, growth_kib=120)],
        scenarios.PEER: [run(warm_us=100), run(warm_us=125)],
    }
    return table.make_rows(scenario, rounds, GOALS)


def test_a_row_has_medians_ratio_goal_and_verdict() -> None:
    warm = rows()[0]
    assert (warm.ours, warm.other, warm.ratio, warm.goal, warm.met) == (45, 112.5, 0.4, 0.42, True)


def test_a_line_without_a_goal_is_not_judged() -> None:
    assert rows()[1].met is None


def test_a_figure_that_stands_alone_is_judged_itself() -> None:
    growth = rows()[2]
    assert (growth.ratio, growth.met) == (None, False)


def test_nothing_is_divided_by_nothing() -> None:
    scenario = Scenario("s", "64 B", (Line("growth_kib"),))
    (growth,) = table.make_rows(scenario, {scenarios.OURS: [run()], scenarios.PEER: [run(growth_kib=0)]}, [])
    assert (growth.other, growth.ratio) == (0, None)


def test_the_text_table_is_aligned() -> None:
    lines = table.as_text(rows()).splitlines()
    assert len(lines) == 5
    assert lines[2].split() == "64 B round trip, µs 45.0 112 awslambdaric 0.40 0.40 to 0.40 ≤ 0.42 yes".split()
    assert len({line.find("pylambda") + len("pylambda") for line in lines[:1]} | {lines[2].find("45.0") + 4}) == 1


def test_the_markdown_table_has_as_many_cells_in_each_line() -> None:
    assert {line.count("|") for line in table.as_markdown(rows()).splitlines()} == {len(table.HEADER) + 1}


def test_rows_survive_json() -> None:
    assert table.from_json(json.loads(json.dumps(table.as_json(rows())))) == rows()


def test_a_document_keeps_what_is_around_the_markers() -> None:
    document = f"before\n{table.MARKER_BEGIN}\nold\n{table.MARKER_END}\nafter\n"
    assert table.between_markers(document, r"new \1") == (
        f"before\n{table.MARKER_BEGIN}\n\nnew \\1\n\n{table.MARKER_END}\nafter\n"
    )


def test_a_document_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="no line"):
        table.between_markers("nothing here", "new")


def test_the_documentation_has_the_markers() -> None:
    table.between_markers((CHECKOUT / "docs" / "performance.md").read_text(), "")


@pytest.mark.parametrize(("value", "text"), [(0.456, "0.46"), (12.34, "12.3"), (1234.5, "1,234"), (-3.0, "-3.00")])
def test_digits(value: float, text: str) -> None:
    assert table.digits(value) == text


# --- make profile ---


def test_the_import_tree_is_read_from_its_end() -> None:
    roots = importtime.parse(TRACE)
    assert [root.name for root in roots] == ["site", "pylambda", "app"]
    app = roots[2]
    assert [child.name for child in app.children] == ["json", "decimal"]
    assert [module.name for module in app.walk()] == ["app", "json", "json.decoder", "decimal"]
    assert (app.self_us, app.cumulative_us) == (300, 7500)


def test_the_largest_import_comes_first_and_small_ones_are_counted() -> None:
    lines = importtime.render(importtime.parse(TRACE), total_ms=8.7)
    assert [line.split("%  ")[-1] for line in lines[1:]] == [
        "app", "  decimal", "  json", "    json.decoder", "4 smaller ones",
    ]  # fmt: skip
    assert lines[1].split() == ["0.3", "7.5", "86%", "app"]


def test_the_tree_is_cut_at_its_largest_modules() -> None:
    children = [importtime.Module(f"m{number}", 1000 + number, 1000 + number) for number in range(50)]
    lines = importtime.render([importtime.Module("app", 0, 60_000, children)], total_ms=60)
    assert len(lines) == 1 + importtime.SHOWN_AT_MOST + 1
    assert lines[2].endswith("m49")


def test_a_profile_parts_interpreter_runtime_and_function() -> None:
    lines = profile.report(importtime.parse(TRACE), "app.handler", plain_ms=20.0)
    assert lines[0].startswith("20.0 ms from start")
    assert [line.split(maxsplit=2)[0] for line in lines[2:5]] == ["0.3", "0.9", "7.5"]


def test_a_function_is_profiled_from_start_to_its_first_request(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import decimal\ndef handler(event, context): return event\n")
    text = "\n".join(profile.profile("app.handler", tmp_path))
    assert "app\n" in text
    assert "decimal" in text


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("absent.handler", "absent.handler does not load: Runtime.ImportModuleError: .*absent"),
        ("app.absent", "app.absent does not load: Runtime.HandlerNotFound: .*absent"),
        ("failing.handler", "failing.handler does not load: Runtime.ImportModuleError: .*no_such_library"),
        ("ends.handler", "exit code 3"),
    ],
)
def test_a_function_that_does_not_load_is_one_clear_line(
    handler: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): return event\n")
    (tmp_path / "failing.py").write_text("import no_such_library\n")
    (tmp_path / "ends.py").write_text("import os\nos._exit(3)\n")
    with pytest.raises(profile.ProfileError, match=message):
        profile.profile(handler, tmp_path)
    assert profile.main([handler, str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(profile.ProfileError, match="no folder nowhere"):
        profile.profile("app.handler", Path("nowhere"))


# --- The load program ---


@pytest.fixture(scope="module")
def made() -> kit.Kit:
    """A kit without the official client, which would have to be downloaded."""
    return kit.prepare(getattr(sys, "_base_executable", sys.executable), peer=False)


@pytest.mark.needs("cc")
@pytest.mark.parametrize("runtime", [scenarios.OURS, scenarios.ECHO])
def test_fifty_invocations_are_measured(made: kit.Kit, runtime: str) -> None:
    scenario = Scenario("s", "S", (), invocations=50, warm_up=5, samples=10)
    measured = measure.run_once(made, runtime, scenario)
    assert measured.cold_ms > 0
    assert measured.trip_us >= measured.warm_us > 0
    assert measured.cycle_us >= measured.warm_us
    assert measured.wall_us * 50 >= measured.warm_us
    assert measured.cpu_total_ms * 1000 > measured.cpu_us > 0
    assert measured.peak_mib > 0.5


@pytest.mark.needs("cc")
@pytest.mark.parametrize("name", ["cold-dash", "cold-bash", "cold-straight"])
def test_a_start_is_measured_with_each_shell_and_without(made: kit.Kit, name: str) -> None:
    scenario = next(scenario for scenario in scenarios.SCENARIOS if scenario.name == name)
    if scenario.needs and not command_line.BUNDLES[scenario.needs](made):
        pytest.skip(f"there is no {scenario.needs} here")
    assert measure.run_once(made, scenarios.OURS, scenario).cold_ms > 0
    # And it serves
    assert measure.run_once(made, scenarios.OURS, replace(scenario, invocations=3)).warm_us > 0


@pytest.mark.needs("cc")
@pytest.mark.parametrize("event", [scenarios.text_event(2_000_000), b"{}"])
def test_events_of_all_sizes_come_back(made: kit.Kit, event: bytes) -> None:
    scenario = Scenario("s", "S", (), event, invocations=3)
    assert measure.run_once(made, scenarios.OURS, scenario).warm_us > 0


@pytest.mark.needs("cc")
def test_failing_handlers_are_counted(made: kit.Kit) -> None:
    scenario = Scenario("s", "S", (), handler="raises.handler", invocations=3)
    with pytest.raises(kit.BenchError, match="3 errors, expected 0"):
        measure.run_once(made, scenarios.OURS, scenario)
    measure.run_once(made, scenarios.OURS, replace(scenario, fails=True))


@pytest.mark.needs("cc")
def test_a_function_that_does_not_load_is_told(made: kit.Kit) -> None:
    with pytest.raises(kit.BenchError, match=r"could not load the function: .*ImportModuleError"):
        measure.run_once(made, scenarios.OURS, Scenario("s", "S", (), handler="absent.handler", invocations=3))


def test_the_runtime_is_measured_in_the_form_that_the_image_has(made: kit.Kit) -> None:
    assert (made.runtime / "site-packages").is_file()
    assert {path.name for path in made.runtime.glob("cold-path.*")} == {"cold-path.pyc", "cold-path.modules"}
    assert not re.search("^version=$", (made.runtime / "bootstrap").read_text(), re.MULTILINE)


def server_that_runs(made: kit.Kit, program: str, tmp_path: Path) -> list[str]:
    event = tmp_path / "event"
    event.write_bytes(b"{}")
    return [str(made.server), "-e", str(event), "--", "sh", "-c", program]


@pytest.mark.needs("cc")
@pytest.mark.parametrize(
    ("program", "message"),
    [("exit 7", "ended with exit code 7"), ("kill -9 $$", "killed by signal 9")],
)
def test_a_runtime_that_ends_is_told(made: kit.Kit, program: str, message: str, tmp_path: Path) -> None:
    line = server_that_runs(made, program, tmp_path)
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert message in done.stderr


@pytest.mark.needs("cc")
@pytest.mark.needs("strace")
def test_a_runtime_that_ends_just_before_the_wait_is_told(made: kit.Kit, tmp_path: Path) -> None:
    # Given a server that is held up between "has it ended?" and its wait for a connection, until it has ended.
    hold_up = ["strace", "-qq", "-o", os.devnull, "-e", "inject=wait4:delay_exit=300000:when=1"]
    line = [*hold_up, *server_that_runs(made, "exit 7", tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert "ended with exit code 7" in done.stderr


# Requests cut into single bytes, two requests in one write, and a second connection: whatever a client may do.
ODD_CLIENT = r"""
import os, re, socket, time
host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
def connect():
    api = socket.create_connection((host, int(port)))
    api.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return api
api = connect()
def drip(request):
    for byte in request:
        api.send(bytes([byte]))
def head():
    received = b""
    while b"\r\n\r\n" not in received:
        received += api.recv(1)
    return received
def event():
    received = head()
    api.recv(int(re.search(rb"Content-Length: (\d+)", received)[1]), socket.MSG_WAITALL)
    return re.search(rb"Request-Id: (\S+)", received)[1]
NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n"
def post(request_id):
    return b"POST /2018-06-01/runtime/invocation/" + request_id + b"/response HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"
drip(NEXT)
drip(post(event()))
head(); api.recv(16, socket.MSG_WAITALL)
api.close()
api = connect()
api.sendall(NEXT)
while True:
    api.sendall(post(event()) + NEXT)
    head(); api.recv(16, socket.MSG_WAITALL)
"""


@pytest.mark.needs("cc")
def test_requests_may_be_split_joined_and_come_over_a_new_connection(made: kit.Kit, tmp_path: Path) -> None:
    event = tmp_path / "event"
    event.write_bytes(b'{"a": 1}')
    line = [str(made.server), "-e", str(event), "-n", "5", "--", sys.executable, "-c", ODD_CLIENT]
    done = subprocess.run(line, env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["invocations"]) == 5


def test_without_a_compiler_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(kit.BenchError, match="apt-get install gcc"):
        kit.compile_c("server")


def test_an_interpreter_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(kit.BenchError, match="no-python does not run"):
        kit.make_interpreter(str(tmp_path / "no-python"), peer=False)


def test_the_commands_of_performance_md_are_ones_that_the_bench_takes() -> None:
    page = CHECKOUT / "docs" / "performance.md"
    found = re.findall(r"^make bench(?: ARGS='?(.*?)'?)?$", page.read_text(), re.MULTILINE)
    assert len(found) >= 3
    for arguments in found:
        command_line.parse(shlex.split(arguments))


# --- The soak ---


def soaked(**samples: list[int]) -> soak.Verdict:
    """What is made of 400 samples and 4,000 invocations, of which these are not as ever."""
    flat = {"rss_kib": [20_000] * 400, "descriptors": [5] * 400, "threads": [1] * 400}
    return soak.judge("it", {"invocations": [[1, 50_000, 1]] * 4000, **flat, **samples})


@pytest.mark.parametrize(
    ("samples", "grown"),
    [
        ({}, []),
        ({"rss_kib": [10_000] * 20 + [20_000] * 380}, []),
        ({"rss_kib": [20_000 + 3000 * (number % 2) for number in range(400)]}, []),
        ({"rss_kib": [20_000 + 10 * number for number in range(400)]}, ["RSS"]),
        ({"descriptors": [5] * 200 + [6] * 200}, ["descriptors"]),
        ({"threads": [1] * 399 + [2]}, ["threads"]),
        ({"invocations": [[1, 50_000, 1]] * 2000 + [[1, 90_000, 1]] * 2000}, ["p99"]),
    ],
    ids=["flat", "while-it-settles", "noise", "memory", "descriptors", "threads", "tail"],
)
def test_a_soak_tells_growth_from_noise(samples: dict[str, list[int]], grown: list[str]) -> None:
    assert soaked(**samples).grown == grown


def test_the_table_of_the_soak_is_written_between_its_markers() -> None:
    page = (CHECKOUT / "docs" / "reliability.md").read_text()
    text = soak.as_markdown([soaked()])
    assert text in table.between_markers(page, text, soak.MARKER_BEGIN, soak.MARKER_END)
