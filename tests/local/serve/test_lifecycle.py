"""How a function ends behind `pylambda serve`: its hooks run, and nothing else is said."""

from tests.local.serve.conftest import Serve

HOOKS = """
import pathlib, pylambda
here = pathlib.Path(__file__).parent

@pylambda.on_shutdown
def first():
    (here / "said").write_text((here / "said").read_text() + " first")

@pylambda.on_shutdown
async def second():
    (here / "said").write_text("second")

def handler(event, context):
    return context.is_cold_start
"""


def test_hooks_run_when_the_service_is_stopped(serve: Serve) -> None:
    service = serve(HOOKS, "--concurrency", "1")
    assert [service.invoke().json() for _ in range(2)] == [True, False]
    assert service.stop() == 0
    assert (service.folder / "said").read_text() == "second first"
    assert "pylambda: " not in service.output()


def test_every_event_is_answered_while_a_worker_starts_itself_anew(serve: Serve) -> None:
    service = serve(HOOKS, "--concurrency", "1", environ={"PYLAMBDA_MAX_INVOCATIONS": "1"})
    answers = [service.invoke() for _ in range(4)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, True)] * 4
    assert all("x-amz-function-error" not in answer.headers for answer in answers)
