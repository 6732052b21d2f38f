"""Source files to code objects: what `compile` makes of them, found without running any of it."""

import importlib.util
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from pylambda.start import source_code

CHECKOUT = Path(__file__).parents[2]
FILE = "/var/task/app.py"
# Each stands for what a module's first statement may be; what runs of it has no effect, and the code is the same.
SOURCES = {
    "a docstring": '"""Of a module."""',
    "an import": "import os\n",
    "a future": "from __future__ import annotations\ndef f(x: y): pass\n",
    "a function": "def handler(event, context):\n    return event\n",
    "a nested function": "def f():\n    def g():\n        return lambda: 1\n    return [x for x in g()]\n",
    "a class": "class Order:\n    price: int = 3\n",
    "an async function": "async def handler(event, context):\n    async with event as e:\n        await e\n",
    "a call": "print('hello')\n",
    "an annotation": "price: int = 3\n",
    "a name that is taken away": "del price\n",
    "what is tried": "try:\n    import orjson as json\nexcept:\n    json = None\n",
    "what is tried and let pass": "try:\n    import uvloop\nexcept:\n    pass\nimport json\n",
    "a method of a literal": "'abc'.join([])\nimport os\n",
    "an assertion that fails": "assert 0\n",
    "nothing to raise again": "raise\n",
    "an error": "1 / 0\n",
    "a recursion": "(lambda f: f(f))(lambda f: f(f))\n",
    "other letters": "# coding: latin-1\nname = 'caf\xe9'\n",
    "a byte order mark": "\ufeffname = 'café'\n",
    "lines that end as on Windows": "import os\r\n\r\ndef f():\r\n    return 1\r\n",
}


def encoded(source: str) -> bytes:
    return source.encode("latin-1" if "coding: latin-1" in source else "utf-8")


def parts(code: CodeType | None) -> object:
    """All that a code object is made of, those in it too; two of them are equal whatever file they are of."""
    if code is None:
        return None
    names = [name for name in dir(code) if name.startswith("co_") and name != "co_lnotab"]
    found = {name: value for name in names if not callable(value := getattr(code, name))}
    found["co_consts"] = [parts(part) if isinstance(part, CodeType) else repr(part) for part in code.co_consts]
    return found


def compiled(source: bytes) -> CodeType:
    return compile(source, FILE, "exec", dont_inherit=True)


@pytest.mark.parametrize("kind", SOURCES)
def test_the_code_is_what_compile_makes(kind: str) -> None:
    source = encoded(SOURCES[kind])
    assert parts(source_code.code_of(source, FILE)) == parts(compiled(source))


def test_so_it_is_for_every_module_of_this_package() -> None:
    sources = [path.read_bytes() for path in (CHECKOUT / "runtime" / "pylambda").glob("*/*.py")]
    made = [(source, code) for source in sources if (code := source_code.code_of(source, FILE))]
    assert len(made) > len(sources) / 2
    for source, code in made:
        assert parts(code) == parts(compiled(source))


LEFT_TO_COMPILE: "dict[str, str | bytes]" = {
    "what does not compile": "def f(:\n",
    "what does not compile, found late": "return 1\n",
    "indentation": "  import os\n",
    "bytes that are no text": b"name = '\xff'\n",
    "a null": b"import os\0\n",
    "nothing": "",
    "nothing but constants": "1\n'abc'\n",
    "a warning of a string": r"name = '\d'",
    "a warning of a comparison": "if 1 is 1: import os",
    "a name that is global": "global price\nprice = 3\n",
    "a loop without an end": "while True:\n    try: work()\n    except: pass\n",
}


@pytest.mark.parametrize("kind", LEFT_TO_COMPILE)
def test_some_is_left_to_compile(kind: str) -> None:
    source = LEFT_TO_COMPILE[kind]
    before = list(warnings.filters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert source_code.code_of(source if isinstance(source, bytes) else source.encode(), FILE) is None
    assert warnings.filters == before


# Nothing of it may have an effect before the module is imported.
EFFECTS = """
import effects_of_an_import
open({0!r}, "w")
print("ran")
class Made:
    open({0!r}, "w")
"""


def test_nothing_of_a_source_takes_effect(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    statements = EFFECTS.format(str(tmp_path / "written")).strip()
    for number, _ in enumerate(statements.splitlines()[:-1]):
        source = "\n".join(statements.splitlines()[number:])
        assert source_code.code_of(source.encode(), FILE)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().out == ""
    assert "effects_of_an_import" not in sys.modules


@pytest.fixture
def as_in_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written, and nobody watches: the tests themselves may run under a tracer."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    monkeypatch.setattr(source_code, "_is_watched", lambda: False)


def imported(file: Path) -> Iterator[ModuleType]:
    """The module before it is run, and after."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    source_code.prepare(spec)
    module = importlib.util.module_from_spec(spec)
    yield module
    spec.loader.exec_module(module)
    yield module


@pytest.mark.usefixtures("as_in_lambda")
def test_a_module_is_made_from_such_code_once(tmp_path: Path) -> None:
    # Given a module without byte code
    file = tmp_path / "app.py"
    file.write_text("import sys\ndef here():\n    return sys._getframe()\n")
    # When it is found and imported
    before, after = imported(file)
    # Then it is what it would be otherwise, and its loader holds nothing of it
    assert before is after
    frame = after.here()
    assert (frame.f_code.co_filename, frame.f_lineno) == (str(file), 3)
    assert vars(after.__loader__) == {"name": "app", "path": str(file)}
    # And a change of the file is seen
    file.write_text("def here():\n    return 2\n")
    assert list(imported(file))[1].here() == 2


@pytest.mark.usefixtures("as_in_lambda")
def test_what_does_not_compile_raises_what_it_always_does(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("import os\ndef f(:\n")
    with pytest.raises(SyntaxError) as raised:
        list(imported(file))
    assert (raised.value.filename, raised.value.lineno) == (str(file), 2)


@pytest.mark.usefixtures("as_in_lambda")
def test_a_warning_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    file.write_text("PATTERN = '\\d'\n")
    with pytest.warns() as caught:
        list(imported(file))
    assert [warning.filename for warning in caught] == [str(file)]


def prepared(file: Path) -> bool:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    source_code.prepare(spec)
    return "get_code" in vars(spec.loader)


@pytest.mark.usefixtures("as_in_lambda")
def test_byte_code_is_used_and_written_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given two folders, one with byte code in it
    files = [tmp_path / name / "app.py" for name in ("with_byte_code", "without")]
    for file in files:
        file.parent.mkdir()
        file.write_text("import os\n")
    (files[0].parent / "__pycache__").mkdir()
    # Then only the other one's module is compiled in this way
    assert [prepared(file) for file in files] == [False, True]
    # And neither where byte code is to be written, or lies elsewhere
    with monkeypatch.context() as patch:
        patch.setattr(sys, "dont_write_bytecode", False)
        assert not prepared(files[1])
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    assert not prepared(files[1])


@pytest.mark.usefixtures("as_in_lambda")
def test_a_file_that_is_gone_or_is_no_source_is_left_alone(tmp_path: Path) -> None:
    assert not prepared(tmp_path / "gone.py")
    (tmp_path / "app.pyc").write_bytes(b"")
    assert not prepared(tmp_path / "app.pyc")


def test_a_debugger_or_a_tracer_sees_nothing_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Given a module without byte code
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "app.py"
    file.write_text("import os\n")
    seen: list[bool] = []

    def watch() -> None:
        sys.settrace(lambda *_: None)
        seen.append(prepared(file))
        sys.settrace(None)
        seen.append(prepared(file))

    # When it is found while a thread is traced, and while it is not
    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    # Then it is left alone in the first case
    assert seen[0] is False
    if sys.version_info < (3, 12):
        return
    # And so it is where a tool is registered
    tool = next(number for number in source_code.TOOL_IDS if not sys.monitoring.get_tool(number))
    sys.monitoring.use_tool_id(tool, "of this test")
    try:
        assert not prepared(file)
    finally:
        sys.monitoring.free_tool_id(tool)
