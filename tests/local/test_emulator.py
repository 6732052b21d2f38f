"""How the emulator is told what to do: the values, without starting it."""

from pathlib import Path

import pytest

from pylambda.local import emulator
from pylambda.local.function import free_ports


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / emulator.EMULATOR).touch(0o755)
    port, api_port = free_ports(2)
    return {
        "PATH": str(tmp_path),
        "PYLAMBDA_HOST": "127.0.0.1",
        "PYLAMBDA_PORT": str(port),
        "PYLAMBDA_RUNTIME_API_PORT": str(api_port),
    }


def test_the_command_line(environ: dict[str, str], tmp_path: Path) -> None:
    path, arguments = emulator.plan("/var/runtime/bootstrap", environ)
    assert path == str(tmp_path / "aws-lambda-rie")
    assert arguments == [
        "aws-lambda-rie",
        "--log-level",
        "info",
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{environ['PYLAMBDA_PORT']}",
        "--runtime-api-address",
        f"127.0.0.1:{environ['PYLAMBDA_RUNTIME_API_PORT']}",
        "/var/runtime/bootstrap",
    ]


def test_without_a_word_the_ports_are_the_documented_ones() -> None:
    assert emulator.read_port({}, emulator.PORT, emulator.DEFAULT_PORT) == 8080
    assert emulator.read_port({"PYLAMBDA_PORT": ""}, emulator.PORT, emulator.DEFAULT_PORT) == 8080
    assert emulator.DEFAULT_HOST == "0.0.0.0"


@pytest.mark.parametrize(
    ("of_function", "of_emulator"),
    [
        ("", "info"),
        ("CRITICAL", "info"),
        ("DEBUG", "info"),
        ("trace", "info"),
        ("30", "info"),
        ("INFO", "info"),
        ("WARNING", "warning"),
        ("warn", "warn"),
        ("Error", "error"),
    ],
)
def test_the_emulator_follows_the_functions_log_level_only_towards_silence(of_function: str, of_emulator: str) -> None:
    assert emulator.log_level(of_function) == of_emulator


@pytest.mark.parametrize("seconds", ["", "1", "900", "007"])
def test_time_limits(seconds: str) -> None:
    emulator.check_timeout(seconds)
