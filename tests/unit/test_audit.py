"""What enters an image, and what is known of it: hashes, licences, and vulnerabilities, which a database is asked for.

The database is one on loopback that answers as osv.dev does; what asks it is the real pip-audit.
"""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import tomli

from images import context, facts, vendor
from pylambda.local import fetch
from tests.documents import ROOT

DOCKERFILE = re.sub(r"\\\n", " ", (ROOT / "images/Dockerfile").read_text())
INSTRUCTIONS = [tuple(line.split(maxsplit=1)) for line in DOCKERFILE.splitlines() if re.match("[A-Z]", line)]
WORKFLOWS = ROOT / ".github/workflows"
# What could bring something from elsewhere into a layer.
FETCHES = re.compile(r"\b(curl|wget|git clone|pip3? (install|download)|uv |npm|https?://|rpm -[iU]|dnf |yum (?!apk))")
QUOTED = re.compile(r"'[^']*'")


# --- Hashes ---


def test_a_layer_takes_from_the_network_what_the_distribution_has_signed_and_nothing_else() -> None:
    # ADD, which takes addresses, is none of these
    assert {name for name, _ in INSTRUCTIONS} <= {"FROM", "ARG", "ENV", "WORKDIR", "ENTRYPOINT", "RUN", "COPY"}
    stages = {words.split(" AS ")[1] for name, words in INSTRUCTIONS if name == "FROM"}
    bases = {words.split(" AS ")[0] for name, words in INSTRUCTIONS if name == "FROM"}
    assert bases - stages == {"${BASE}"}
    # Given each command by itself, without what is quoted: scripts that name dnf
    commands = [part for name, words in INSTRUCTIONS if name == "RUN" for part in QUOTED.sub("", words).split("&&")]
    fetching = {command.strip() for command in commands if FETCHES.search(command)}
    assert len(fetching) > 1
    for command in fetching - {"dnf clean all"}:
        assert command.startswith("dnf install -y --nodocs --setopt=install_weak_deps=0 "), command
        assert "gpgcheck" not in command


def test_what_a_build_is_given_is_of_the_repository_or_was_let_in_by_its_hash() -> None:
    # Given each part of the context by where it comes from
    for arch in facts.load().archs:
        for _name, path in context.members((arch,), with_boto3=True):
            fetched = path.is_relative_to(ROOT / "build")
            # Then what was fetched is what images/vendor.py has unpacked of wheels that a lock names
            assert not fetched or path.relative_to(ROOT / "build").parts[0] in ("vendor", "licenses", "boto3", "tools")


def test_a_wheel_with_other_bytes_is_not_let_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a wheel of the right name in the cache, and a download that brings another one
    (tmp_path / "h11-0.16.0-py3-none-any.whl").write_bytes(b"not what was locked")
    another = tmp_path / "h11-0.16.0-1-py3-none-any.whl"
    monkeypatch.setattr(vendor, "_pip", lambda *words: another.write_bytes(b"nor this"))
    # Then none of the two is taken
    with pytest.raises(vendor.VendorError, match="its hashes let in 0"):
        vendor._wheels(vendor.LOCK, vendor.PURE, tmp_path)


def test_the_emulator_is_downloaded_by_hash_and_version() -> None:
    for binary in fetch.BINARIES.values():
        assert re.fullmatch(r"[0-9a-f]{64}", binary.sha256)
    assert re.fullmatch(r"[\d.]+", fetch.VERSION)


# --- Licences ---


@pytest.mark.parametrize("licence", ["MIT", "Apache-2.0 OR GPL-3.0-only", "MIT AND BSD-3-Clause"])
def test_a_licence_that_may_be_redistributed(licence: str) -> None:
    vendor.check_licence(licence, "some-1.0")


@pytest.mark.parametrize(
    "licence", ["AGPL-3.0-only", "MIT AND GPL-3.0-only", "GPL-2.0-only OR GPL-3.0-only", "(MIT)", "UNKNOWN", ""]
)
def test_one_that_may_not_or_is_not_understood(licence: str) -> None:
    with pytest.raises(
        vendor.VendorError, match=r"some-1.0: its licence, .*, is none that images/licences.toml allows"
    ):
        vendor.check_licence(licence, "some-1.0")


def test_each_allowed_licence_is_one_by_itself() -> None:
    allowed = tomli.loads(vendor.ALLOWED.read_text())["allowed"]
    assert sorted(set(allowed)) == allowed
    assert not any(" " in name or name.startswith(("GPL", "AGPL", "LGPL", "SSPL", "BUSL")) for name in allowed)


# --- Vulnerabilities ---


def vulnerability(package: str, fixed: str | None) -> dict[str, Any]:
    """An advisory as osv.dev has it."""
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    affected = {"package": {"name": package, "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "summary": "a hole", "affected": [affected]}


class Database(ThreadingHTTPServer):
    """Knows one vulnerability, or none."""

    known: dict[str, Any] | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}/v1/query"


class _Answer(BaseHTTPRequestHandler):
    server: Database

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(f"{query['package']['name']}=={query['version']}")
        known = self.server.known
        has_it = known is not None and known["affected"][0]["package"]["name"] == query["package"]["name"]
        body = json.dumps({"vulns": [known]} if has_it else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def database() -> Iterator[Database]:
    with Database() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def audit(*words: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "images.audit", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_everything_that_is_locked_is_asked_for(database: Database) -> None:
    done = audit("--strict", "--osv", database.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("no known vulnerabilities") == 3
    locks = "".join(lock.read_text() for lock in (vendor.LOCK, vendor.BOTO3_LOCK, vendor.TOOLS_LOCK))
    assert set(database.asked) == {f"{name}=={version}" for name, version in vendor.versions(locks).items()}


@pytest.mark.parametrize(
    ("fixed", "flags", "code", "said"),
    [
        ("99.1", ("--strict",), 1, "fixed in 99.1: make lock"),
        ("99.1", (), 0, "fixed in 99.1: make lock"),
        (None, ("--strict",), 0, "there is no fix yet"),
    ],
)
def test_a_vulnerability_is_told_and_one_that_has_a_fix_is_not_published(
    database: Database, fixed: str | None, flags: tuple[str, ...], code: int, said: str
) -> None:
    database.known = vulnerability("uv", fixed)
    done = audit(*flags, "--osv", database.url, vendor.TOOLS_LOCK)
    assert done.returncode == code
    assert re.search(rf"tools.lock: 1 known vulnerability\n  uv [\d.]+: PYSEC-2026-1 CVE-2026-1, {said}\n", done.stdout)


@pytest.mark.parametrize(("flags", "code"), [((), 0), (("--strict",), 2)])
def test_where_nobody_can_be_asked_that_is_told(flags: tuple[str, ...], code: int) -> None:
    done = audit(*flags, "--osv", "http://127.0.0.1:1/v1/query", vendor.TOOLS_LOCK)
    assert done.returncode == code
    assert done.stdout.startswith("tools.lock: not known, as http://127.0.0.1:1/v1/query cannot be asked: ")


def test_nothing_is_published_before_the_database_was_asked() -> None:
    # Given that a release and a weekly rebuild publish through one workflow
    for name in ("release.yml", "weekly.yml"):
        assert "uses: ./.github/workflows/publish.yml" in (WORKFLOWS / name).read_text()
    _, _, jobs = (WORKFLOWS / "publish.yml").read_text().partition("\njobs:\n")
    by_name = {job.partition(":")[0]: job for job in re.split(r"^  (?=\w+:$)", jobs, flags=re.MULTILINE)}
    # Then what pushes there waits for what asks, and asks of what will be pushed
    assert "make audit STRICT=1" in by_name["audit"]
    assert by_name["audit"].index("make take-boto3-lock") < by_name["audit"].index("make audit")
    assert re.search(r"needs: \[.*\baudit\b.*\]", by_name["image"])
