"""Lists of packages, their differences, and the bill of materials."""

import json
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from images import packages, sbom

ANSWER = """\
rpm openssl-libs 3.2.2-1.amzn2023 x86_64
rpm gpg-pubkey d832c631-6515c85e (none)
deb zlib1g 1:1.3.1 amd64
pypi requests 2.34.2 -
generic pylambda 0.1.0 -
"""
CREATED = "2026-11-21T10:00:00+01:00"


def test_packages_are_named_as_scanners_name_them() -> None:
    assert [str(sbom.purl(package)) for package in packages.parse(ANSWER)] == [
        "pkg:deb/debian/zlib1g@1:1.3.1?arch=amd64",
        "pkg:generic/pylambda@0.1.0",
        "pkg:pypi/requests@2.34.2",
        "pkg:rpm/amzn/openssl-libs@3.2.2-1.amzn2023?arch=x86_64",
    ]


@pytest.mark.parametrize("answer", ["", "rpm openssl\n", "apk musl 1 x86_64\n"])
def test_an_answer_that_names_nothing_is_refused(answer: str) -> None:
    with pytest.raises(packages.PackagesError):
        packages.parse(answer)


def test_the_difference_is_what_came_went_and_moved() -> None:
    old = ["openssl 3.1", "pip 23", "zlib 1"]
    new = ["openssl 3.2", "uv 1", "zlib 1"]
    assert packages.difference(old, new).splitlines()[2:] == [
        "| openssl | 3.1 | 3.2 |",
        "| pip | 23 |  |",
        "| uv |  | 1 |",
    ]
    assert packages.difference(old, old) == "No package changed."


def test_a_list_without_a_former_one_is_new(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    (tmp_path / "old" / "3.12-arm64.txt").write_text("zlib 1\n")
    (tmp_path / "new" / "3.12-arm64.txt").write_text("zlib 2\n")
    (tmp_path / "new" / "3.14-arm64.txt").write_text("zlib 2\n")
    said = packages.differences(tmp_path / "old", tmp_path / "new")
    assert "### 3.12-arm64\n\n| Package | Before | Now |\n| --- | --- | --- |\n| zlib | 1 | 2 |\n" in said
    assert "### 3.14-arm64\n\nNew, with 1 packages.\n" in said


def test_the_bill_is_what_the_schema_asks_for() -> None:
    bill = sbom.write("some:1", CREATED, packages.parse(ANSWER))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    # And the validator knows one that is not
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill.replace('"library"', '"book"')) is not None


def test_the_bill_has_every_package_once_and_says_whose_they_are() -> None:
    bill = json.loads(sbom.write("some:1", CREATED, packages.parse(ANSWER)))
    assert (bill["metadata"]["component"]["name"], bill["metadata"]["timestamp"]) == ("some:1", CREATED)
    references = [component["bom-ref"] for component in bill["components"]]
    assert len(set(references)) == len(references) == 4
    (top,) = [each for each in bill["dependencies"] if each["ref"] == "some:1"]
    assert set(top["dependsOn"]) == set(references)


def test_the_bill_of_the_same_image_is_the_same() -> None:
    found = packages.parse(ANSWER)
    assert sbom.write("some:1", CREATED, found) == sbom.write("some:1", CREATED, found)
    assert sbom.write("some:1", CREATED, found) != sbom.write("some:1", CREATED, found[1:])
