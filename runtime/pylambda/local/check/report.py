"""Findings as text for a person, as JSON, and as SARIF for what shows findings beside code."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any

from pylambda import names
from pylambda.local.check.findings import Finding, Rule, Severity
from pylambda.local.check.subject import Subject
from pylambda.local.color import Paint

# Places of one rule that a person is shown.
MOST_PLACES = 5
COLORS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "2"}
WIDTH, INDENT = 110, " " * 8
BOLD, GREEN = "1", "32"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def ordered(findings: Sequence[Finding], rules: Sequence[Rule]) -> list[Finding]:
    """Return findings with the worst first, those of one rule together."""
    place = {rule.id: number for number, rule in enumerate(rules)}
    return sorted(findings, key=lambda finding: (-finding.severity, place[finding.rule.id], finding.found.where))


def text(subject: Subject, findings: Sequence[Finding], paint: Paint) -> Iterator[str]:
    """Yield the lines for a person.

    Args:
        subject: what was checked.
        findings: in order.
        paint: gives a text a colour, or not.
    """
    yield paint(heading(subject), BOLD)
    for (rule_id, severity), group in groupby(findings, key=lambda finding: (finding.rule.id, finding.severity)):
        same = list(group)
        label = f"{severity.word:<8}{rule_id}"
        for number, finding in enumerate(same[:MOST_PLACES]):
            where = f" (line {finding.found.line})" if finding.found.line else ""
            start = paint(f"{label:<27}", COLORS[severity]) if number == 0 else " " * 27
            yield f"{start} {finding.found.what}{where}"
        if len(same) > MOST_PLACES:
            yield f"{'':<27} and {len(same) - MOST_PLACES} more"
        rule = same[0].rule
        for paragraph in (rule.why, rule.mend, rule.page):
            yield from wrap(paragraph, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_long_words=False)
    yield paint(totals(findings), COLORS[Severity.ERROR] if is_bad(findings) else GREEN)


def heading(subject: Subject) -> str:
    """Return what was checked, as it was understood."""
    kind = {"folder": "a folder", "zip": "a zip", "image": "an image"}[subject.target.kind]
    known = [
        f"for {subject.arch}" if subject.arch else "",
        f"Python {subject.python_text}" if subject.python else "",
        f"handler {subject.handler}" if subject.handler else "",
    ]
    return f"{subject.target.name}: " + ", ".join(filter(None, [kind, *known]))


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    """Return how many findings there are of each severity."""
    return {
        severity.word: sum(finding.severity == severity for finding in findings) for severity in sorted(Severity)[::-1]
    }


def totals(findings: Sequence[Finding]) -> str:
    """Return the same in words."""
    found = [f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts(findings).items() if count]
    return ", ".join(found) or "nothing found"


def is_bad(findings: Sequence[Finding]) -> bool:
    """Whether there is an error among them."""
    return any(finding.severity == Severity.ERROR for finding in findings)


def as_json(subject: Subject, findings: Sequence[Finding]) -> str:
    """Return the findings for a program."""
    document = {
        "target": subject.target.name,
        "kind": subject.target.kind,
        "arch": subject.arch,
        "python": subject.python_text or None,
        "handler": subject.handler or None,
        "counts": counts(findings),
        "findings": [
            {
                "id": finding.rule.id,
                "severity": finding.severity.word,
                "where": finding.found.where,
                "line": finding.found.line or None,
                "what": finding.found.what,
                "why": finding.rule.why,
                "mend": finding.rule.mend,
                "page": finding.rule.page,
            }
            for finding in findings
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_sarif(subject: Subject, findings: Sequence[Finding], rules: Sequence[Rule]) -> str:
    """Return the findings as SARIF 2.1.0.

    Places are files of the target. GitHub wants one for every result, so what is said of the target as a whole is said
    of its name: https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support
    """
    document = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "pylambda check",
                        "version": names.VERSION,
                        "rules": [_sarif_rule(rule) for rule in rules],
                    }
                },
                "results": [_sarif_result(subject, finding, rules) for finding in findings],
            }
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.mend} See {rule.page}."},
        "defaultConfiguration": {"level": rule.severity.word},
    }


def _uri(subject: Subject, where: str) -> str:
    """Return the address of a place: of a file in a folder from here, as it is in a checkout."""
    from urllib.parse import quote

    name = subject.target.name
    if subject.target.kind != "folder":
        return quote(where or name)
    path = os.path.join(name, where)
    return quote(os.path.relpath(path) if os.path.realpath(path).startswith(f"{os.getcwd()}/") else path)


def _sarif_result(subject: Subject, finding: Finding, rules: Sequence[Rule]) -> dict[str, Any]:
    found = finding.found
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(subject, found.where)}}
    if found.line:
        place["region"] = {"startLine": found.line}
    key = f"{finding.rule.id}\0{found.where}\0{found.what}"
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": [rule.id for rule in rules].index(finding.rule.id),
        "level": finding.severity.word,
        "message": {"text": f"{found.what}. {finding.rule.why} {finding.rule.mend}"},
        "locations": [{"physicalLocation": place}],
        # What tells GitHub that it is the finding of the run before.
        "partialFingerprints": {"primaryLocationLineHash": hashlib.sha256(key.encode()).hexdigest()[:32]},
    }
