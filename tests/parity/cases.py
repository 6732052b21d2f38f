"""The cases, read from `cases/*.toml`: what is sent, by which function it is taken, and which differences it shows.

    [group.plain]                     # one process of each runtime that serves many cases
    handler = "app.handler"
    files."app.py" = "..."            # the function; `env` and `sink = "frames"` where they matter: a variable that is
                                      # "" is left out, "{empty}" is empty, "{task root}" stands for the folder
    packages."a.pth" = "..."          # what lies among the interpreter's packages, where that matters
    start = "bootstrap.py"            # the file of our runtime that is run in place of `bootstrap`

    [[case]]
    name = "a tuple is an array"      # unique, a sentence
    do = "return (1, 2)"              # the event is {"do": ...}; or `event`, or `events`, see `_event`
    in = "plain"                      # or several; without it the file's first group
    differs = ["c"]                   # ids of docs/compatibility.md; or a table from group to ids
    official = "..."                  # what the reference says where a difference needs words of its own,
    ours = "..."                      # and what stands there in ours

A case that says `alone`, or has `files`, `packages`, `handler`, `start`, `env` or `sink` of its own, gets a process of
its own.
"""

import ast
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contract.script import Headers, Next, Reply

FOLDER = Path(__file__).with_name("cases")
CASE_KEYS = set("name do event events in alone handler files packages start env sink differs official ours".split())
GROUP_KEYS = {"like", "handler", "files", "packages", "start", "env", "sink"}
EVENT_KEYS = {"text", "python", "json", "do", "headers", "deadline_ms", "answer", "hang_ups"}
OWN_PROCESS_KEYS = {"alone", "handler", "files", "packages", "start", "env", "sink"}
# A row of docs/compatibility.md, and the versions of Python on which it is seen.
DIFFERS = re.compile(r"(?P<id>[a-z]+)(?:(?P<than><|>=)(?P<bound>3\.\d+))?")


class CaseError(ValueError):
    """Raised when a file of cases says something that nobody reads."""


@dataclass(frozen=True)
class Case:
    """One behaviour, in one group.

    Attributes:
        name: a sentence.
        events: what is sent; none where it is about the start.
        differs: ids of the deliberate differences that it shows; `k>=3.12` is one that older Pythons do not show,
            `d<3.12` one that newer ones do not.
        official: the reference's words, where a difference needs them.
        ours: ours in their place.
    """

    name: str
    events: tuple[Next, ...]
    differs: tuple[str, ...]
    official: str
    ours: str

    def differs_on(self, version: str) -> tuple[str, ...]:
        """The ids that it shows on a version of Python."""
        rows = [DIFFERS.fullmatch(entry) for entry in self.differs]
        return tuple(row["id"] for row in rows if row and _holds(row["than"], row["bound"], _as_numbers(version)))

    @property
    def every_id(self) -> set[str]:
        """The ids that it shows on any version."""
        return {re.split("<|>=", entry)[0] for entry in self.differs}


@dataclass(frozen=True)
class Group:
    """Cases that are served by one process of each runtime.

    Attributes:
        name: of the group, or of its only case.
        subject: the file's name.
        handler: `_HANDLER`.
        files: the function's files.
        packages: files among the interpreter's packages.
        start: what of our runtime's folder the interpreter is started on; empty for `bootstrap`.
        env: more variables; None leaves one of the usual out.
        frames: whether the log goes to the telemetry descriptor.
        alone: whether there is one case, to which the whole run belongs.
    """

    name: str
    subject: str
    handler: str
    files: Mapping[str, str]
    packages: Mapping[str, str]
    start: str
    env: Mapping[str, str | None]
    frames: bool
    alone: bool
    cases: list[Case] = field(default_factory=list)


def read() -> list[Group]:
    """Return every group of every file. Raises CaseError."""
    names: set[str] = set()
    return [group for path in sorted(FOLDER.glob("*.toml")) for group in _read_file(path, names)]


def _read_file(path: Path, names: set[str]) -> Iterator[Group]:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    tables: dict[str, dict[str, Any]] = {}
    for name, own in document.get("group", {}).items():
        _refuse_others(own, GROUP_KEYS, f"{path.name}, group {name}")
        tables[name] = {**tables.get(own.get("like", ""), {}), **own}
    groups = {name: _group(name, path.stem, table, alone=False) for name, table in tables.items()}
    for row in document.get("case", []):
        where = f"{path.name}, case {row.get('name')!r}"
        _refuse_others(row, CASE_KEYS, where)
        if row["name"] in names:
            raise CaseError(f"{where}: another case has this name")
        names.add(row["name"])
        chosen = row.get("in", next(iter(tables), None))
        for group_name in [chosen] if isinstance(chosen, str) or chosen is None else chosen:
            case = _case(row, group_name, where)
            if OWN_PROCESS_KEYS & row.keys():
                own = {**tables.get(group_name or "", {}), **{key: row[key] for key in GROUP_KEYS & row.keys()}}
                name = case.name if isinstance(chosen, str) or chosen is None else f"{case.name} ({group_name})"
                group = _group(name, path.stem, own, alone=True)
                group.cases.append(case)
                yield group
            else:
                groups[str(group_name)].cases.append(case)
    yield from (group for group in groups.values() if group.cases)


def _group(name: str, subject: str, table: dict[str, Any], *, alone: bool) -> Group:
    env = {key: None if value == "" else value.replace("{empty}", "") for key, value in table.get("env", {}).items()}
    frames = table.get("sink", "stdout") == "frames"
    files, packages = table.get("files", {}), table.get("packages", {})
    handler, start = table.get("handler", "app.handler"), table.get("start", "")
    return Group(name, subject, handler, files, packages, start, env, frames, alone)


def _case(row: dict[str, Any], group: str | None, where: str) -> Case:
    events = row.get("events", [])
    if "do" in row:
        events = [{"do": row["do"]}]
    elif "event" in row:
        events = [row["event"]]
    differs = row.get("differs", [])
    if isinstance(differs, dict):
        differs = differs.get(group, [])
    return Case(
        row["name"], tuple(_event(event, where) for event in events), tuple(differs), row.get("official", ""),
        row.get("ours", ""),
    )  # fmt: skip


def _event(row: dict[str, Any], where: str) -> Next:
    """Return what is sent: `text` as UTF-8, `python` a literal or expression of bytes, `json` a value, `do` code.

    `headers` are more headers, or empty for one that is left out; `answer` is the status that the answer gets;
    `hang_ups` is how many requests for the event get no reply.
    """
    _refuse_others(row, EVENT_KEYS, where)
    body: object = {"do": row["do"]} if "do" in row else row.get("json", {})
    if "text" in row:
        body = row["text"].encode()
    elif "python" in row:
        body = _bytes_of(row["python"])
    headers: Headers = {name: value or None for name, value in row.get("headers", {}).items()}
    answers = (Reply(status=row["answer"]),) if "answer" in row else ()
    replies = (Reply(cut_at=0),) * row.get("hang_ups", 0)
    return Next(body, headers, deadline_ms=row.get("deadline_ms", 30_000), replies=replies, answers=answers)


def _bytes_of(source: str) -> bytes:
    """Evaluate what a case says for bytes that TOML cannot hold, such as ``b'[' * 1000``."""
    value = eval(compile(ast.parse(source, mode="eval"), "<case>", "eval"), {"json": json})
    if not isinstance(value, bytes):
        raise CaseError(f"not bytes: {source}")
    return value


def _holds(than: str | None, bound: str, version: list[int]) -> bool:
    return than is None or (version < _as_numbers(bound)) == (than == "<")


def _as_numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _refuse_others(row: dict[str, Any], known: set[str], where: str) -> None:
    if others := row.keys() - known:
        raise CaseError(f"{where}: nobody reads {', '.join(sorted(others))}")
