"""The commands of docs/web.md that are sent from a laptop, line by line, to a function behind the emulator."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from pylambda.local.function import Kit, running
from tests.documents import ROOT, blocks

HERE = "tests/local/test_documented_commands.py"
MANAGE = "import sys\nprint('ran', *sys.argv[1:])\n"


def test_each_command_runs_and_ends_as_the_page_says(kit: Kit, tmp_path: Path) -> None:
    # Given a function of the name that the page has, where boto3 finds it in the place of AWS
    (tmp_path / "manage.py").write_text(MANAGE)
    (commands,) = [block for block in blocks(ROOT / "docs" / "web.md") if block.runner == HERE]
    said = []
    with running(kit, "console:manage.py", tmp_path) as function:
        environ = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL_LAMBDA": function.url,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
        }
        # When the page's lines are typed; the emulator knows one name only
        for line in commands.lines:
            words = shlex.split(
                line.replace("orders-manage", "function").replace("http://127.0.0.1:9000", function.url)
            )
            done = subprocess.run(words, capture_output=True, text=True, env=environ, timeout=60, check=True)
            said.append(done.stdout)
        # Then each command ran, and the page's event does the same
        (event,) = [block for block in blocks(ROOT / "docs" / "web.md") if block.language == "json"]
        assert function.invoke(event.text.encode()).json() == {"exit_code": 0, "output": said[0]}
    assert said == ["ran migrate --noinput\n", "ran check\n"]
    assert json.loads(event.text)["args"] == ["migrate", "--noinput"]
