"""The ratios against the official client as a chart. The only module that needs matplotlib, and imports it late."""

from collections.abc import Sequence
from pathlib import Path

from bench.kit import BenchError
from bench.measure import COLUMNS
from bench.scenarios import PEER
from bench.table import Row

BAR = "#3b6ea5"
GOAL = "#c0392b"


def draw(rows: Sequence[Row], path: Path, subtitle: str) -> None:
    """Write a chart of the rows that are compared with the official client; the format follows the file's ending.

    Raises:
        BenchError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        import matplotlib
    except ImportError:
        raise BenchError("--chart needs matplotlib: .venv/bin/pip install -e '.[bench]'") from None
    matplotlib.use("agg")
    # The same rows give the same bytes, and the words stay words.
    matplotlib.rcParams.update({"svg.hashsalt": "pylambda", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    shown = [row for row in rows if row.against == PEER and row.ratio is not None][::-1]
    labels = [f"{row.title}: {COLUMNS[row.measure].rpartition(',')[0]}" for row in shown]
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 0.26 * len(shown)), layout="constrained")
    places = range(len(shown))
    ratios = [row.ratio or 0.0 for row in shown]
    below = [max(0.0, (row.ratio or 0) - (row.low or 0)) for row in shown]
    above = [max(0.0, (row.high or 0) - (row.ratio or 0)) for row in shown]
    axes.barh(places, ratios, color=BAR, xerr=[below, above], error_kw={"lw": 0.8, "ecolor": "#444444"})
    for place, row in enumerate(shown):
        if row.goal is not None:
            axes.plot([row.goal, row.goal], [place - 0.4, place + 0.4], color=GOAL, lw=1.8)
    axes.axvline(1, color="#444444", lw=1)
    axes.set_yticks(places, labels)
    axes.set_xlim(0, 1.05 * max(1.0, *(row.high or 0.0 for row in shown)))
    axes.margins(y=0.01)
    axes.set_xlabel("pylambda / awslambdaric (smaller is better; red: the goal; thin: quartiles)")
    axes.set_title(subtitle, fontsize=9, loc="left")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    try:
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} cannot be written: {error}") from None
