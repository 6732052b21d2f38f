"""`pylambda check` as a user types it, in this process."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pylambda.local.__main__ import main


class Said(NamedTuple):
    """What a run left."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def found(self) -> dict[str, dict[str, Any]]:
        """The first finding of each id, without what was not tried."""
        listed = reversed(self.document["findings"])
        return {finding["id"]: finding for finding in listed if finding["id"] != "PL-UNTRIED"}


def check(capsys: pytest.CaptureFixture[str], *words: "str | Path") -> Said:
    """Run the command to its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["pylambda", "check", *map(str, words)])
        try:
            code = main()
        except SystemExit as ended:  # argparse's way out
            code = int(ended.code or 0)
    said = capsys.readouterr()
    return Said(code, said.out, said.err)
