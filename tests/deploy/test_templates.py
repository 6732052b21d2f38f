"""What `pylambda new` writes for deployments, read by the tools that would deploy it, without an account."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pylambda.local.new import project
from tests.conftest import IAC, SAM

EXAMPLE = Path(__file__).parents[2] / "examples" / "deploy"
ZIZMOR, SCHEMAS, SHELLCHECK = (
    Path(sys.executable).parent / name for name in ("zizmor", "check-jsonschema", "shellcheck")
)
STREAMS = pytest.mark.parametrize("stream", [False, True], ids=["buffered", "streamed"])


def read_by(*words: "str | Path", folder: Path, **environ: str) -> str:
    """Run a tool to its end, which must be a good one; return what it printed."""
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def made(folder: Path, stream: bool, ci: str) -> Path:
    target = folder / f"{ci}-{stream}"
    project.write(project.Choice("greeter", "", stream, project.IAC, ci), target)
    return target


@pytest.mark.needs("iac")
def test_cfn_lint_finds_nothing_in_any_template(tmp_path: Path) -> None:
    folders = [made(tmp_path, stream, ci) for stream in (False, True) for ci in project.HOSTS]
    names = ("template.yaml", "cloudformation.yaml", "deploy/role.yaml")
    read_by(IAC / "bin" / "cfn-lint", *(folder / name for folder in folders for name in names), folder=tmp_path)


@pytest.mark.needs("sam")
def test_sam_takes_its_template() -> None:
    words = ("validate", "--lint", "--region", "eu-west-1", "--template", "template.yaml")
    assert "is a valid SAM Template" in read_by(SAM, *words, folder=EXAMPLE, SAM_CLI_TELEMETRY="0")


@pytest.mark.needs("iac")
@STREAMS
def test_terraform_reads_its_file(tmp_path: Path, stream: bool) -> None:
    folder = made(tmp_path, stream, "github")
    read = json.loads(read_by(IAC / "bin" / "hcl2tojson", "main.tf", folder=folder))
    blocks = {kind.strip('"'): body for block in read["resource"] for kind, body in block.items()}
    function = next(iter(blocks["aws_lambda_function"].values()))
    url = next(iter(blocks["aws_lambda_function_url"].values()))
    assert (function["package_type"].strip('"'), function["timeout"]) == ("Image", 30)
    assert url["authorization_type"].strip('"') == "AWS_IAM"
    assert url["invoke_mode"].strip('"') == ("RESPONSE_STREAM" if stream else "BUFFERED")


@pytest.mark.needs("iac")
def test_the_cdk_makes_an_image_function_behind_a_url_that_streams(tmp_path: Path) -> None:
    # When the example is synthesized as a user does it
    path = f"{IAC / 'bin'}{os.pathsep}{os.environ['PATH']}"
    cdk = IAC / "node_modules" / ".bin" / "cdk"
    read_by(cdk, "synth", "--quiet", "--output", tmp_path / "out", folder=EXAMPLE, PATH=path,
            PYTHONDONTWRITEBYTECODE="1", CI="true")  # fmt: skip
    # Then its template has the function and the URL
    resources: dict[str, Any] = json.loads((tmp_path / "out" / "greeter.template.json").read_text())["Resources"]
    by_type = {resource["Type"]: resource["Properties"] for resource in resources.values()}
    function, url = by_type["AWS::Lambda::Function"], by_type["AWS::Lambda::Url"]
    assert (function["PackageType"], function["Architectures"], function["Timeout"]) == ("Image", ["x86_64"], 30)
    assert (url["AuthType"], url["InvokeMode"]) == ("AWS_IAM", "RESPONSE_STREAM")
    # And its asset is an image for that architecture
    (image,) = json.loads((tmp_path / "out" / "greeter.assets.json").read_text())["dockerImages"].values()
    assert image["source"]["platform"] == "linux/amd64"


@pytest.mark.parametrize("ci", project.HOSTS)
def test_a_pipeline_is_sound(tmp_path: Path, ci: str) -> None:
    folder = made(tmp_path, True, ci)
    read_by(SHELLCHECK, "deploy/ship.sh", folder=folder)
    if ci == "gitlab":
        read_by(SCHEMAS, "--builtin-schema", "vendor.gitlab-ci", ".gitlab-ci.yml", folder=folder)
        return
    read_by(SCHEMAS, "--builtin-schema", "vendor.github-workflows", ".github/workflows/deploy.yml", folder=folder)
    read_by(ZIZMOR, "--offline", "--quiet", "--no-progress", ".github", folder=folder)


def test_the_cdk_that_is_tested_is_the_one_that_a_project_asks_for() -> None:
    (asked,) = [line for line in (EXAMPLE / "infra/requirements.txt").read_text().split() if line.startswith("aws-cdk")]
    assert asked in Path(__file__).with_name("requirements.txt").read_text().split()
