"""The official client's names: what functions and tools import from it, replace in it and start by it."""

import sys
from pathlib import Path

import pytest

from tests.contract.raw_api import serving
from tests.contract.runtime_process import CHECKOUT, Runtime
from tests.contract.script import Next

# A package of that name that the function brought along; that it is the official one makes no difference to it.
OWN_CLIENT = {
    "awslambdaric/__init__.py": "__version__ = 'own'\n",
    "awslambdaric/bootstrap.py": "def handle_event_request(*args): ...\n",
}
WRAPS = """
import sys
main = sys.modules["__main__"]
bootstrap = main.awslambdaricmain.bootstrap if hasattr(main, "awslambdaricmain") else main.bootstrap
inner = bootstrap.handle_event_request
def outer(client, handler, *args):
    return inner(client, lambda event, context: ["wrapped", handler(event, context)], *args)
bootstrap.handle_event_request = outer
"""


def test_nothing_of_it_is_loaded_until_somebody_looks(runtime: Runtime) -> None:
    app = """
import sys
def handler(event, context): return [name for name in sys.modules if "awslambdaric" in name]
"""
    assert runtime.serve(files={"app.py": app}, events=[{}]).responses[0].json == []


def test_the_contexts_class_is_for_annotations_and_isinstance(runtime: Runtime) -> None:
    app = """
from awslambdaric.lambda_context import LambdaContext
class Own(LambdaContext): pass
def handler(event, context: LambdaContext): return [isinstance(context, LambdaContext), isinstance(context, Own)]
"""
    assert runtime.serve(files={"app.py": app}, events=[{}]).responses[0].json == [True, False]


def test_a_context_can_be_made_as_tests_make_one(runtime: Runtime) -> None:
    app = """
from awslambdaric.lambda_context import LambdaContext, ClientContext, Client, CognitoIdentity, make_obj_from_dict
def handler(event, context):
    client = {"client": {"app_title": "shop"}, "custom": {"a": 1}, "w3c": {"traceparent": "00-1"}}
    made = LambdaContext("id", client, {"cognitoIdentityId": "me"}, 0, tenant_id="t")
    return [made.aws_request_id, made.client_context.client.app_title, made.client_context.custom, made.w3c(),
            made.identity.cognito_identity_id, made.tenant_id, made.invoked_function_arn, made.function_name,
            made.get_remaining_time_in_millis(), ClientContext() is not None, make_obj_from_dict(Client, {}).app_title]
"""
    (response,) = runtime.serve(files={"app.py": app}, events=[{}], env={"AWS_LAMBDA_FUNCTION_NAME": "hi"}).responses
    expected = ["id", "shop", {"a": 1}, {"traceparent": "00-1"}, "me", "t", None, "hi", 0, True, None]
    assert response.json == expected


@pytest.mark.parametrize("module", ["awslambdaric.bootstrap", "bootstrap"])
def test_a_tool_loads_the_functions_handler(runtime: Runtime, module: str) -> None:
    files = {"tool.py": f"from {module} import _get_handler\nhandler = _get_handler('app.handler')", "app.py": WORKS}
    assert runtime.serve("tool.handler", files=files, events=[{"n": 1}]).responses[0].json == {"n": 1}


def test_what_a_tool_cannot_load_is_reported_as_if_it_stood_there_itself(runtime: Runtime) -> None:
    # Given a tool that names a module which is not there, once caught and once not
    caught = """
from awslambdaric.bootstrap import _get_handler
from awslambdaric.lambda_runtime_exception import FaultException
try:
    _get_handler("gone.handler")
except FaultException as fault:
    print(fault.exception_type, fault.exception_type == FaultException.IMPORT_MODULE_ERROR, fault.msg)
_get_handler("gone.handler")
"""
    # When it starts
    run = runtime.serve(files={"app.py": caught})
    # Then it is the fault that the platform knows, with the hint that names the mend
    assert "Runtime.ImportModuleError True Unable to import module 'gone': No module named 'gone'" in run.log[0]
    assert run.init_error.json["errorType"] == "Runtime.ImportModuleError"
    assert "Hint: " in run.stdout
    assert run.exit_code == 1


WORKS = """
def handler(event, context):
    if event.get("exit"):
        raise SystemExit(3)
    if event.get("stream"):
        return parts(event)
    return event
def parts(event):
    yield "a"
    yield "b"
"""


def test_what_replaces_a_function_of_it_in_the_middle_of_a_life_is_called_from_the_next_invocation_on(
    runtime: Runtime,
) -> None:
    app = f"def patch():\n{''.join(f'    {line}' for line in WRAPS.splitlines(True))}\n" + (
        "def handler(event, context):\n    event or patch()\n    return event"
    )
    run = runtime.serve(files={"app.py": app}, events=[1, 0, 2, 3])
    assert [response.json for response in run.responses] == [1, 0, ["wrapped", 2], ["wrapped", 3]]


def test_a_handler_that_ends_the_process_is_reported_through_it(runtime: Runtime) -> None:
    app = WORKS + "import awslambdaric.bootstrap\n"
    run = runtime.serve(files={"app.py": app}, events=[{"exit": 1}])
    assert run.errors[0].json["errorType"] == "Runtime.ExitError"
    assert run.exit_code == 3


def test_a_stream_is_sent_through_it(tmp_path: Path) -> None:
    app = """
        import awslambdaric.bootstrap as bootstrap
        post = bootstrap.LambdaRuntimeClient.post_invocation_result
        def seen(*args, **kwargs):
            print("posting")
            return post(*args, **kwargs)
        bootstrap.LambdaRuntimeClient.post_invocation_result = seen
        def handler(event, context):
            yield "a"
            yield "b"
        """
    with serving(tmp_path, app) as runtime:
        peer = runtime.accept()
        peer.give_event()
        peer.read_request()
        assert peer.read_chunked().chunks == [b"a", b"b"]
        peer.reply()
        assert peer.at_end()
    assert (tmp_path / "out").read_text() == "posting\n"


def test_a_child_that_a_handler_forked_answers_nothing_through_it(runtime: Runtime) -> None:
    app = """
import os, awslambdaric.bootstrap
def handler(event, context):
    pid = os.fork()
    if pid == 0:
        if event == 1:
            raise ValueError("in the child")
        return "the child's"
    os.waitpid(pid, 0)
    return "the parent's"
"""
    run = runtime.serve(files={"app.py": app}, events=[0, 1])
    assert [post.json for post in run.posts] == ["the parent's", "the parent's"]


def test_the_next_invocation_is_waited_for_through_it(runtime: Runtime) -> None:
    app = """
import awslambdaric.bootstrap as bootstrap
wait = bootstrap.LambdaRuntimeClient.wait_next_invocation
def other(self):
    request = wait(self)
    request.event_body = b'"other"'
    return request
bootstrap.LambdaRuntimeClient.wait_next_invocation = other
def handler(event, context): return event
"""
    run = runtime.serve(files={"app.py": app}, events=[1, 2])
    assert [response.json for response in run.responses] == ["other", "other"]


def test_an_error_in_what_replaces_it_costs_the_invocation_only(runtime: Runtime) -> None:
    app = """
import awslambdaric.bootstrap as bootstrap
inner = bootstrap.handle_event_request
def outer(client, handler, invoke_id, event_body, *args):
    if event_body == b"1":
        raise KeyError("of the tool's own")
    return inner(client, handler, invoke_id, event_body, *args)
bootstrap.handle_event_request = outer
def handler(event, context): return event
"""
    run = runtime.serve(files={"app.py": app}, events=[1, 2])
    assert run.errors[0].json["errorType"] == "KeyError"
    assert run.responses[0].json == 2


def test_a_functions_own_client_wins_and_those_who_look_in_main_get_what_runs(runtime: Runtime) -> None:
    app = "import awslambdaric\ndef handler(event, context): return awslambdaric.__version__"
    run = runtime.serve(files={**OWN_CLIENT, "app.py": WRAPS + app}, events=[{}])
    assert run.responses[0].json == ["wrapped", "own"]


def test_what_is_replaced_in_a_client_that_does_not_run_is_told_in_one_line(runtime: Runtime) -> None:
    app = """
from awslambdaric import bootstrap
def replaced(*args): ...
bootstrap.handle_event_request = replaced
def handler(event, context): return 1
"""
    run = runtime.serve(files={**OWN_CLIENT, "app.py": app}, events=[{}])
    (line,) = run.stderr.splitlines()
    assert line.startswith("pylambda: app replaced a function in ")
    assert line.endswith("take awslambdaric out of the function's packages, and it has its effect")
    assert run.responses[0].json == 1


@pytest.mark.parametrize(
    "command",
    [["-m", "awslambdaric", "app.handler"], [str(CHECKOUT / "runtime" / "bootstrap.py")]],
    ids=["python -m awslambdaric", "bootstrap.py"],
)
def test_the_runtime_starts_by_the_official_clients_names(runtime: Runtime, command: list[str]) -> None:
    # Given an entry point that names the client, or its start script as debuggers do
    files = {"app.py": WRAPS + WORKS}
    handler = None if "-m" in command else "app.handler"
    env = {"PYTHONPATH": str(CHECKOUT / "runtime")} if "-m" in command else {}
    # When it is run in the function's folder
    run = runtime.serve(handler, files=files, events=[{"n": 1}], command=[sys.executable, *command], env=env)
    # Then the function is served, and integrations find what they replace
    assert run.responses[0].json == ["wrapped", {"n": 1}]


@pytest.mark.parametrize("arguments", ["'app.handler', client", "'.', 'app.handler', address"])
def test_a_program_of_ones_own_runs_the_client(runtime: Runtime, arguments: str) -> None:
    program = f"""
import os
from awslambdaric import bootstrap
address = os.environ["AWS_LAMBDA_RUNTIME_API"]
client = bootstrap.LambdaRuntimeClient(address, True)
bootstrap.run({arguments})
"""
    files = {"app.py": WORKS, "program.py": program}
    env = {"PYTHONPATH": str(CHECKOUT / "runtime")}
    run = runtime.serve(None, files=files, events=[{"n": 1}], command=[sys.executable, "program.py"], env=env)
    assert run.responses[0].json == {"n": 1}


def test_a_program_of_ones_own_loops_over_the_client(runtime: Runtime) -> None:
    program = """
import json, os
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
client = LambdaRuntimeClient(os.environ["AWS_LAMBDA_RUNTIME_API"])
for _ in range(2):
    request = client.wait_next_invocation()
    event = client.marshaller.unmarshal_request(request.event_body, request.content_type)
    if event == 1:
        client.post_invocation_result(request.invoke_id, json.dumps([event]), invocation_id=request.invocation_id)
    else:
        document = {"errorMessage": "no", "errorType": "Refused", "stackTrace": []}
        client.post_invocation_error(request.invoke_id, json.dumps(document), "")
"""
    files = {"program.py": program}
    env = {"PYTHONPATH": str(CHECKOUT / "runtime")}
    run = runtime.serve(None, files=files, events=[Next(1), Next(2)], command=[sys.executable, "program.py"], env=env)
    assert run.responses[0].json == [1]
    assert run.errors[0].json["errorType"] == "Refused"
    assert run.exit_code == 0


def test_what_is_to_run_before_workers_are_forked_is_kept(runtime: Runtime) -> None:
    app = """
from awslambdaric import lambda_concurrency_hooks as hooks
@hooks.register_pre_fork
def prepare(): return "prepared"
def handler(event, context): return [function(*args, **named) for function, args, named in hooks.get_pre_fork()]
"""
    assert runtime.serve(files={"app.py": app}, events=[{}]).responses[0].json == ["prepared"]


@pytest.mark.parametrize("mode", ["process", "thread"])
def test_what_is_replaced_is_called_where_several_are_served_at_once(runtime: Runtime, mode: str) -> None:
    app = WRAPS + WORKS
    env = {"PYLAMBDA_CONCURRENCY": mode}
    events = [{"n": number} for number in range(8)]
    run = runtime.serve(files={"app.py": app}, events=events, at_once=2, env=env)
    answers = sorted((response.json for response in run.responses), key=str)
    assert answers == [["wrapped", event] for event in events]


def test_what_is_replaced_in_vain_on_one_event_loop_is_told_in_one_line(runtime: Runtime) -> None:
    app = WRAPS + "async def handler(event, context): return event"
    run = runtime.serve(files={"app.py": app}, events=[1, 2], at_once=2, env={"PYLAMBDA_CONCURRENCY": "async"})
    assert sorted(response.json for response in run.responses) == [1, 2]
    (line,) = run.stderr.splitlines()
    assert "replaced a function in " in line
    assert line.endswith("PYLAMBDA_CONCURRENCY=process has it run")


@pytest.mark.parametrize("way", ["import", "before_snapshot"])
def test_what_fails_in_init_is_told_through_it(runtime: Runtime, way: str) -> None:
    app = """
import sys, pylambda
bootstrap = sys.modules["__main__"].awslambdaricmain.bootstrap
told = bootstrap.LambdaRuntimeClient.post_init_error
def post_init_error(client, document, *args):
    print("telling of", document["errorMessage"], *args, flush=True)
    return told(client, document, *args)
bootstrap.LambdaRuntimeClient.post_init_error = post_init_error
@pylambda.before_snapshot
def fail(): raise OSError("no snapshot")
def handler(event, context): ...
"""
    env = {} if way == "import" else {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
    app += "raise OSError('no start')" if way == "import" else ""
    run = runtime.serve(files={"app.py": app}, env=env)
    said = "no start" if way == "import" else "no snapshot Runtime.BeforeSnapshotError"
    assert f"telling of {said}" in run.log
    assert run.init_error.json["errorType"] == "OSError"
    assert run.init_error.header("Lambda-Runtime-Function-Error-Type") == ("OSError" if way == "import" else said[12:])


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder of installed packages, with the links that an image has in it."""
    folder = tmp_path / "packages"
    folder.mkdir()
    runtime_dir = CHECKOUT / "runtime"
    (folder / "pylambda").symlink_to(runtime_dir / "pylambda")
    (folder / "awslambdaric.py").symlink_to(runtime_dir / "awslambdaric" / "elsewhere.py")
    return folder


def test_the_link_in_an_images_packages_starts_the_runtime(runtime: Runtime, packages: Path) -> None:
    command = [sys.executable, "-m", "awslambdaric", "app.handler"]
    env = {"PYTHONPATH": str(packages)}
    run = runtime.serve(None, files={"app.py": WRAPS + WORKS}, events=[{"n": 1}], command=command, env=env)
    assert run.responses[0].json == ["wrapped", {"n": 1}]


@pytest.mark.parametrize("first", ["import awslambdaric.bootstrap", "sys.modules['__main__'].awslambdaricmain"])
def test_the_link_in_an_images_packages_leads_to_what_runs(runtime: Runtime, packages: Path, first: str) -> None:
    app = f"import sys\n{first}\nimport awslambdaric.bootstrap\n" + (
        "def handler(event, context):\n"
        "    main = sys.modules['__main__'].awslambdaricmain\n"
        "    return [main.bootstrap is awslambdaric.bootstrap, awslambdaric.__version__]"
    )
    env = {"PYTHONPATH": str(packages)}
    assert runtime.serve(files={"app.py": app}, events=[{}], env=env).responses[0].json == [True, "4.2.2"]


def test_a_client_that_is_installed_beside_the_link_is_what_starts(runtime: Runtime, packages: Path) -> None:
    (packages / "awslambdaric").mkdir()
    (packages / "awslambdaric" / "__init__.py").touch()
    (packages / "awslambdaric" / "__main__.py").write_text("print('the installed one')")
    command = [sys.executable, "-m", "awslambdaric", "app.handler"]
    run = runtime.serve(None, files={"app.py": WORKS}, command=command, env={"PYTHONPATH": str(packages)})
    assert run.log == ["the installed one"]
