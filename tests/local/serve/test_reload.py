"""Reload: from a save to the new answer, whatever way the file was changed, and in spite of what is broken."""

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.local.serve.conftest import Serve, Service, wait_for

VERSION = "def handler(event, context):\n    return {}\n"


def version(n: int) -> str:
    return VERSION.format(n)


def wait_for_answer(service: Service, text: str) -> None:
    wait_for(lambda: service.invoke().text == text, f"answer {text}")


@pytest.mark.parametrize(
    "source",
    [
        "def handler(event, context):\n    return {}\n",
        "async def handler(event, context):\n    return {}\n",
    ],
    ids=["plain", "async"],
)
def test_a_save_is_answered_by_the_new_code_in_less_than_a_second(serve: Serve, source: str) -> None:
    # Given a function that has answered
    service = serve(source.format(1))
    assert service.invoke().text == "1"

    # When it is saved, in the same length
    (service.folder / "app.py").write_text(source.format(2))
    wait_for_answer(service, "2")

    # Then what took long was not the reload: the time from the change that was seen to the new workers
    took_ms = int(service.wait_for_output(r"app.py changed: 1 new worker in (\d+) ms")[1])
    assert took_ms < 1000


def in_place(file: Path) -> None:
    file.write_text(version(2))


def by_rename(file: Path) -> None:
    other = file.with_name(".app.py.tmp")
    other.write_text(version(2))
    other.rename(file)


def with_an_older_time(file: Path) -> None:
    file.write_text(version(2))
    os.utime(file, (1_000_000_000, 1_000_000_000))


def through_a_link(file: Path) -> None:
    target = file.parent.parent / "elsewhere.py"
    target.write_text(version(2))
    file.unlink()
    file.symlink_to(target)


@pytest.mark.parametrize(
    "change", [in_place, by_rename, with_an_older_time, through_a_link], ids=lambda way: way.__name__
)
def test_every_way_to_change_a_file_is_seen(serve: Serve, change: Callable[[Path], None]) -> None:
    service = serve(version(1))
    assert service.invoke().text == "1"
    change(service.folder / "app.py")
    wait_for_answer(service, "2")


def test_an_imported_module_that_is_removed_is_seen(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "part.py").write_text("value = 1\n")
    service = serve("try:\n    from part import value\nexcept ImportError:\n    value = 2\n"
                    "def handler(event, context):\n    return value\n")  # fmt: skip
    assert service.invoke().text == "1"
    (service.folder / "part.py").unlink()
    wait_for_answer(service, "2")


def test_two_saves_in_one_second_of_one_length_are_two(serve: Serve) -> None:
    service = serve("import part\ndef handler(event, context):\n    return part.value\n")
    part = service.folder / "part.py"
    for n in range(1, 4):
        part.write_text(f"value = {n}\n")
        os.utime(part, (2_000_000_000, 2_000_000_000 + n / 1000))
        wait_for_answer(service, str(n))


def test_a_broken_file_is_shown_and_mended_by_the_next_save(serve: Serve) -> None:
    service = serve(version(1))
    service.invoke()
    (service.folder / "app.py").write_text("def handler(event, context)\n")
    service.wait_for_output("app.py changed, and it does not start")
    assert service.invoke().json()["errorType"] == "Runtime.UserCodeSyntaxError"

    (service.folder / "app.py").write_text(version(2))
    wait_for_answer(service, "2")


def test_what_runs_is_ended_by_the_old_code_and_what_comes_waits_for_the_new(serve: Serve, tmp_path: Path) -> None:
    # Given an invocation in the middle
    source = """
    import pathlib, time

    def handler(event, context):
        folder = pathlib.Path(event["folder"])
        (folder / "began").touch()
        while not (folder / "go").exists():
            time.sleep(0.005)
        return 1
    """
    service = serve(source, "--concurrency", "1", "--timeout", "60")
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(service.invoke, json.dumps({"folder": str(tmp_path)}))
        wait_for((tmp_path / "began").exists, "invocation")

        # When the code changes, new calls are answered by the new code
        (service.folder / "app.py").write_text(version(2))
        wait_for_answer_of_new_code(service)

        # And the old one ends as it would have
        assert not call.done()
        (tmp_path / "go").touch()
        assert call.result().text == "1"
    wait_for(lambda: len(service.workers()) == 1, "end of the old worker")


def wait_for_answer_of_new_code(service: Service) -> None:
    service.wait_for_output("1 new worker in")
    assert service.invoke("{}").text == "2"


def test_what_does_not_matter_changes_nothing(serve: Serve) -> None:
    source = """
    import os, pathlib

    def handler(event, context):
        here = pathlib.Path(__file__).parent
        (here / "written.json").write_text("{}")
        (here / ".app.py.swp").write_text("")
        (here / "node_modules").mkdir(exist_ok=True)
        (here / "node_modules" / "a.py").write_text("")
        (here / "made.py").write_text("")
        return os.getpid()
    """
    service = serve(source, "--concurrency", "1", environ={"PYLAMBDA_RELOAD_EXCLUDE": "made.py"})
    first = service.invoke().json()
    until = time.monotonic() + 1
    wait_for(lambda: time.monotonic() > until, "second in which nothing is reloaded")
    assert service.invoke().json() == first
    assert "changed" not in service.output()


def test_the_files_of_variables_and_links_in_a_circle(serve: Serve) -> None:
    service = serve("import os\ndef handler(event, context):\n    return os.environ.get('COLOR')\n")
    service.stop()
    (service.folder / ".env").write_text("# of this project\nexport COLOR='light blue'\n")
    (service.folder / "loop").symlink_to(service.folder)
    service = serve((service.folder / "app.py").read_text(), "--env-file", ".env")
    assert service.invoke().json() == "light blue"
    (service.folder / ".env").write_text("COLOR=red\n")
    wait_for_answer(service, '"red"')


def test_it_is_off_where_that_is_said(serve: Serve) -> None:
    service = serve(version(1), "--no-reload")
    assert "reload on" not in service.output()
    assert service.invoke().text == "1"
    (service.folder / "app.py").write_text(version(2))
    until = time.monotonic() + 1
    wait_for(lambda: time.monotonic() > until, "second in which nothing is reloaded")
    assert service.invoke().text == "1"
