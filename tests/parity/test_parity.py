"""Every case does the same in both runtimes, or differs as it says."""

from collections.abc import Callable, Iterator

import pytest

from tests.parity import cases, pythons
from tests.parity.cases import Case, Group
from tests.parity.differences import differences, judge, table
from tests.parity.explainers import EXPLAINERS
from tests.parity.pair import ImageOf, PairRun, run

PYTHONS = pythons.found()
GROUPS = cases.read()
Runner = Callable[[Group, pythons.Python], PairRun]


@pytest.fixture(scope="session")
def pair(image_of: ImageOf) -> Iterator[Runner]:
    """Runs each group once for each Python; one that hangs is waited for once, too."""
    done: dict[tuple[int, pythons.Python], PairRun | AssertionError] = {}

    def run_once(group: Group, python: pythons.Python) -> PairRun:
        key = id(group), python
        if key not in done:
            try:
                done[key] = run(group, image_of(python))
            except AssertionError as error:
                done[key] = error
        result = done[key]
        if isinstance(result, AssertionError):
            raise result
        return result

    yield run_once
    done.clear()


def _every_case() -> Iterator[object]:
    for python in PYTHONS:
        for group in GROUPS:
            for case in group.cases:
                name = case.name if group.alone else f"{case.name} ({group.name})"
                yield pytest.param(python, group, case, id=f"{python.version}-{group.subject}-{name}")


def _every_shared_process() -> Iterator[object]:
    for python in PYTHONS:
        for group in GROUPS:
            if not group.alone:
                yield pytest.param(python, group, id=f"{python.version}-{group.subject}-{group.name}")


# The first case of a version makes its prefix.
@pytest.mark.timeout(pythons.INSTALL_DEADLINE_S)
@pytest.mark.parametrize(("python", "group", "case"), list(_every_case()))
def test_both_runtimes_do_the_same(pair: Runner, python: pythons.Python, group: Group, case: Case) -> None:
    wrong = judge(case, pair(group, python).cases[case.name], python.version)
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(pythons.INSTALL_DEADLINE_S)
@pytest.mark.parametrize(("python", "group"), list(_every_shared_process()))
def test_a_process_that_serves_many_cases_starts_and_ends_alike(
    pair: Runner, python: pythons.Python, group: Group
) -> None:
    rest = pair(group, python).rest
    assert not differences(rest.official, rest.ours), "\n".join(differences(rest.official, rest.ours))


def test_every_row_of_the_table_is_explained_and_shown() -> None:
    shown = {id_ for group in GROUPS for case in group.cases for id_ in case.every_id}
    assert list(EXPLAINERS) == list(table()), "a row without an explainer, or an explainer without a row"
    assert shown == set(table()), "a row that no case shows, or a case that names no row"


def test_the_case_that_a_row_names_shows_it() -> None:
    named: dict[str, set[str]] = {}
    for case in (case for group in GROUPS for case in group.cases):
        named.setdefault(case.name, set()).update(case.every_id)
    for row in table().values():
        assert row.id in named.get(row.shown_by, ()), f"row {row.id} names {row.shown_by!r}, which does not show it"
