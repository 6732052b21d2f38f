"""The recipe for metrics in docs/monitoring.md: Powertools' lines reach the log as CloudWatch reads them."""

import itertools
import json
from typing import Any

import pytest

from tests.contract.runtime_process import Runtime
from tests.documents import ROOT, blocks
from tests.monitoring.both import PYTHON

RECORDS = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "PYLAMBDA_PRINT": "json"}


def values(metrics: dict[str, Any]) -> dict[str, Any]:
    """The metrics of a line, by the names and the namespace that CloudWatch would look for."""
    (directive,) = metrics["_aws"]["CloudWatchMetrics"]
    assert isinstance(metrics["_aws"]["Timestamp"], int)
    assert directive["Namespace"] == "shop"
    return {metric["Name"]: (metrics[metric["Name"]], metric["Unit"]) for metric in directive["Metrics"]}


@pytest.mark.needs("monitoring")
@pytest.mark.parametrize("env", [{}, RECORDS], ids=["text", "records"])
def test_the_recipe_of_the_page(runtime: Runtime, env: dict[str, str]) -> None:
    page = blocks(ROOT / "docs" / "monitoring.md")
    ((example, below),) = [pair for pair in itertools.pairwise(page) if "Metrics(" in pair[0].text]
    event, _, answer = below.lines[0].partition(" -> ")
    run = runtime.serve(
        files={"app.py": example.text}, events=[json.loads(event)] * 2, env={"PYLAMBDA_PYTHON": str(PYTHON), **env}
    )
    assert [response.json for response in run.responses] == [json.loads(answer)] * 2
    assert [values(json.loads(line)) for line in run.log] == [
        {"ColdStart": ([1.0], "Count")},
        {"ordered": ([2.0], "Count")},
        {"ordered": ([2.0], "Count")},
    ]
