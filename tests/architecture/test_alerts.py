"""The alarms speak of metrics that there are, and the runbook explains each of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.repository import ROOT, python_files

RULES = ROOT / "deploy" / "alerts" / "licentia.rules.yml"
RUNBOOK = ROOT / "docs" / "runbook.md"
KINDS = {"Counter", "Gauge", "Gauges", "Histogram"}
BY_PROMETHEUS = {"up"}
WORDS = {"sum", "max", "count", "increase", "rate", "or", "and"}


def declared(paths: Iterable[Path]) -> set[str]:
    """The names of all metrics that the code declares, as Prometheus reads them."""
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS):
                continue
            name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if isinstance(name, str):
                counter = node.func.id == "Counter" and not name.endswith("_total")
                found.add(f"{name}_total" if counter else name)
    return found


def alarms(rules: str) -> list[dict[str, Any]]:
    """Every alarm of a file of rules."""
    return [rule for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]]


def metrics_in(expression: str) -> set[str]:
    """The metrics of which an expression speaks."""
    bare = re.sub(r'"[^"]*"|by \([^)]*\)|\[[^]]*\]|\{[^}]*\}', "", expression)
    return set(re.findall(r"[a-z][a-z0-9_]+", bare)) - WORDS


def faults_of(rules: str, known: set[str], runbook: str) -> list[str]:
    """What is wrong with a file of rules."""
    found = alarms(rules)
    names = [one["alert"] for one in found]
    faults = [f"{name} stands twice" for name in sorted({name for name in names if names.count(name) > 1})]
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", line.lower()).strip().replace(" ", "-")
        for line in re.findall(r"^## (.+)$", runbook, re.MULTILINE)
    }
    for one in found:
        faults += [f"{one['alert']}: no metric {name}" for name in sorted(metrics_in(one["expr"]) - known)]
        if one["expr"].count("(") != one["expr"].count(")") or one["labels"]["severity"] not in ("warning", "critical"):
            faults.append(f"{one['alert']}: malformed")
        if one["annotations"]["runbook"].partition("#")[2] not in anchors:
            faults.append(f"{one['alert']}: leads to no chapter of the runbook")
        if f"`{one['alert']}`" not in runbook:
            faults.append(f"{one['alert']}: not explained in the runbook")
    return faults


def test_every_alarm_has_its_metric_and_its_explanation() -> None:
    known = declared(python_files("libs", "services", "gateway")) | BY_PROMETHEUS
    assert {"dead_letters_waiting", "notifications_mails_total"} <= known
    assert faults_of(RULES.read_text(encoding="utf-8"), known, RUNBOOK.read_text(encoding="utf-8")) == []


def test_an_alarm_that_is_wrong_is_found() -> None:
    rules = """
groups:
  - name: twin
    rules:
      - alert: Gone
        expr: sum by (job) (increase(letters_lost_total{reason="x"}[5m])) > 0
        labels: {severity: loud}
        annotations: {runbook: "docs/runbook.md#nowhere"}
"""
    assert faults_of(rules, {"letters_kept"}, "## Here\n") == [
        "Gone: no metric letters_lost_total",
        "Gone: malformed",
        "Gone: leads to no chapter of the runbook",
        "Gone: not explained in the runbook",
    ]


def test_metrics_are_found_in_expressions() -> None:
    assert metrics_in("sum by (job) (max by (job, reason) (dead_letters_waiting)) > 50") == {"dead_letters_waiting"}
    assert metrics_in('up{job=~"(a|b)-rpc"} == 0') == {"up"}
    assert metrics_in("count by (job) (a_b != a_b) > 0") == {"a_b"}
