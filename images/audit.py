"""Ask for known vulnerabilities of what images redistribute: of each lock, at osv.dev, through pip-audit.

It tells what is known, and that nobody can be asked where that is so, as without a network: what others publish today
should not stop a change to something else. With --strict, which is for what is about to be published, it ends with 1
where something has one for which there is a fix, which `make lock` takes, and with 2 where nobody could be asked. Any
counts, because pip-audit does not say of what severity one is.

What Amazon Linux's packages bring is Amazon Linux's to mend, and comes with the next rebuild.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from images.vendor import BOTO3_LOCK, LOCK, TOOLS_LOCK

OSV = "https://api.osv.dev/v1/query"


class Finding(NamedTuple):
    """A known vulnerability of a package.

    Attributes:
        package: its name and version.
        name: of the vulnerability, with its other names.
        fixes: the versions that have it no more.
    """

    package: str
    name: str
    fixes: tuple[str, ...]

    def __str__(self) -> str:
        mend = f"fixed in {', '.join(self.fixes)}: make lock" if self.fixes else "there is no fix yet"
        return f"{self.package}: {self.name}, {mend}"


class NobodyAsked(Exception):
    """Raised when a lock's packages could not be asked for, all or some; the message says why."""


def findings(lock: Path, osv: str) -> list[Finding]:
    """What is known of a lock's packages. Raises NobodyAsked."""
    words = [sys.executable, "-m", "pip_audit", f"--requirement={lock}", "--require-hashes", "--disable-pip"]
    words += ["--format=json", "--progress-spinner=off", "--vulnerability-service=osv", f"--osv-url={osv}"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    try:
        dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        raise NobodyAsked(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no answer") from None
    if skipped := [each["name"] for each in dependencies if "vulns" not in each]:
        raise NobodyAsked(f"nothing is known there of {', '.join(skipped)}")
    return [
        Finding(
            f"{each['name']} {each['version']}",
            " ".join([found["id"], *found["aliases"]]),
            tuple(found["fix_versions"]),
        )
        for each in dependencies
        for found in each["vulns"]
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m images.audit", description="Ask for known vulnerabilities")
    parser.add_argument("--osv", default=OSV, help="where to ask (default: %(default)s)")
    parser.add_argument("--strict", action="store_true", help="end with 1 or 2 where that must not be published")
    parser.add_argument("locks", nargs="*", type=Path, default=[LOCK, BOTO3_LOCK, TOOLS_LOCK])
    chosen = parser.parse_args()
    code = 0
    for lock in chosen.locks:
        try:
            found = findings(lock, chosen.osv)
        except NobodyAsked as why:
            print(f"{lock.name}: not known, as {chosen.osv} cannot be asked: {why}")
            code = code or 2
            continue
        print(f"{lock.name}: {len(found) or 'no'} known vulnerabilit{'y' if len(found) == 1 else 'ies'}")
        for each in found:
            print(f"  {each}")
        if any(each.fixes for each in found):
            code = 1
    return code if chosen.strict else 0


if __name__ == "__main__":
    sys.exit(main())
