"""No call of the product waits without a bound, where that can be seen in its text."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.waits import GROUPS, bounds_of, declared_in
from tests.architecture.repository import ROOT, SERVICES, python_files, tree_of

SETTINGS = ("libs.chassis.waits", "gateway.settings", *(f"services.{service}.settings" for service in SERVICES))
PRODUCT = ("libs", "gateway", "services", "operations")

# Calls by their full name → what must be among their arguments: a keyword, or so many positional ones.
NAMED: dict[str, tuple[str, int]] = {
    "urllib.request.urlopen": ("timeout", 3),
    "smtplib.SMTP": ("timeout", 4),
    "smtplib.SMTP_SSL": ("timeout", 6),
    "http.client.HTTPConnection": ("timeout", 3),
    "http.client.HTTPSConnection": ("timeout", 3),
    "socket.create_connection": ("timeout", 2),
    "psycopg.connect": ("connect_timeout", 99),
    "psycopg.Connection.connect": ("connect_timeout", 99),
    "amqp.Connection": ("connect_timeout", 99),
    "select.select": ("timeout", 4),
    "subprocess.run": ("timeout", 99),
    "subprocess.call": ("timeout", 99),
    "subprocess.check_call": ("timeout", 99),
    "subprocess.check_output": ("timeout", 99),
    **{f"requests.{verb}": ("timeout", 99) for verb in ("get", "post", "put", "patch", "delete", "head", "request")},
    **{f"httpx.{verb}": ("timeout", 99) for verb in ("get", "post", "put", "patch", "delete", "head", "request")},
    **{f"httpx.{kind}": ("timeout", 99) for kind in ("Client", "AsyncClient")},
}

# Methods that wait for ever when they are called with nothing: of events, threads, queues, futures, locks, processes.
BARE = frozenset({"wait", "join", "get", "result", "acquire", "communicate", "exception"})
# Of an HTTP session, in a module that imports one: SQLAlchemy's session has a `get` as well.
OF_SESSIONS = frozenset({"get", "post", "put", "patch", "delete", "head", "request"})
WAITING_ROOMS = frozenset({"Semaphore", "BoundedSemaphore"})

# (file, the line's text) → why it ends all the same.
EXCUSED: dict[tuple[str, str], str] = {
    ("libs/messaging/rim.py", "self._thread.wait()"): "inside an eventlet.Timeout: green threads know no other bound",
    ("libs/messaging/rim.py", "with self._lock:"): "inside an eventlet.Timeout as well",
    ("services/mfa/handlers/claims.py", "outcome.result()"): "the provider's and the database's waits bound each deed",
}


def names_of(tree: ast.Module) -> dict[str, str]:
    """What a local name stands for: `{"SMTP": "smtplib.SMTP", "select": "select"}`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def context_variables(trees: list[ast.Module]) -> set[str]:
    """Names of context variables, whose `get()` waits for nobody."""
    found: set[str] = set()
    for tree in trees:
        for node in ast.walk(tree):
            target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
            value = getattr(node, "value", None)
            if isinstance(target, ast.Name) and isinstance(value, ast.Call) and _last(value.func) == "ContextVar":
                found.add(target.id)
    return found


def unbounded(tree: ast.Module, context: set[str]) -> Iterator[tuple[int, str]]:
    """Line and name of each wait that nothing ends."""
    names = names_of(tree)
    rooms = {
        _last(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and _last(node.value.func) in WAITING_ROOMS
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (what := _call(node, names, context)):
            yield node.lineno, what
        elif isinstance(node, ast.With):
            for item in node.items:
                if _last(item.context_expr) in rooms and not isinstance(item.context_expr, ast.Call):
                    yield node.lineno, f"with {_last(item.context_expr)}"
        elif isinstance(node, ast.ClassDef) and _is_handler_without_timeout(node):
            yield node.lineno, f"{node.name} without timeout"


def _is_handler_without_timeout(node: ast.ClassDef) -> bool:
    is_handler = any("HTTPRequestHandler" in _last(base) for base in node.bases)
    return is_handler and not any("timeout" in _targets(statement) for statement in node.body)


def _call(node: ast.Call, names: dict[str, str], context: set[str]) -> str | None:
    keywords = {keyword.arg for keyword in node.keywords}
    full = _full(node.func, names)
    if full in NAMED:
        keyword, positional = NAMED[full]
        bounded = keyword in keywords or None in keywords or len(node.args) >= positional
        return None if bounded else full
    if not isinstance(node.func, ast.Attribute):
        return None
    method, receiver = node.func.attr, _last(node.func.value)
    of_http = bool({"requests", "httpx"} & set(names.values())) and not full.startswith("work.")
    if of_http and method in OF_SESSIONS and receiver.endswith("session"):
        return None if "timeout" in keywords else f"{receiver}.{method}"
    if method == "notifies" and "timeout" not in keywords:
        return f"{receiver}.notifies"
    if method in BARE and not node.args and keywords <= {"block", "blocking"} and receiver not in context:
        refuses = any(isinstance(k.value, ast.Constant) and k.value.value is False for k in node.keywords)
        return None if refuses else f"{receiver}.{method}"
    return None


def _last(node: ast.AST) -> str:
    if isinstance(node, ast.Call):
        return _last(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _full(node: ast.AST, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_full(node.value, names)}.{node.attr}"
    return names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def _targets(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Assign):
        return {_last(target) for target in statement.targets}
    return {_last(statement.target)} if isinstance(statement, ast.AnnAssign) else set()


def found_in(files: list[Path], root: Path = ROOT) -> set[tuple[str, str]]:
    """File and text of each line with an unbounded wait."""
    trees = {path: tree_of(path) for path in files}
    context = context_variables(list(trees.values()))
    return {
        (str(path.relative_to(root)), path.read_text(encoding="utf-8").splitlines()[line - 1].strip())
        for path, tree in trees.items()
        for line, _ in unbounded(tree, context)
    }


def test_nothing_in_the_product_waits_for_ever() -> None:
    assert found_in(list(python_files(*PRODUCT))) - set(EXCUSED) == set()


def unused(names: set[str], sources: list[str]) -> set[str]:
    """Settings that no line of the product reads: their page would promise what nobody keeps."""
    read = {node.attr for source in sources for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    return names - read


def test_every_bound_is_in_the_page_and_kept_by_somebody() -> None:
    modules = [importlib.import_module(name) for name in SETTINGS]
    declared = {(module.__name__, name): cls for module in modules for name, cls in declared_in(module)}
    assert set(declared) - {(module, name) for _, module, name in GROUPS} == set()
    fields = {field for cls in declared.values() for field in bounds_of(cls)}
    assert len(fields) > 50
    sources = [path.read_text(encoding="utf-8") for path in python_files(*PRODUCT)]
    assert unused(fields, sources) == set()


def test_a_bound_that_nobody_keeps_is_found() -> None:
    assert unused({"stop_seconds", "patience"}, ["wait(settings.patience)"]) == {"stop_seconds"}


def test_no_excuse_outlives_its_line() -> None:
    assert set(EXCUSED) - found_in(list(python_files(*PRODUCT))) == set()


@pytest.mark.parametrize(
    "line",
    [
        "requests.get(url)",
        "self._session.post(url, data=body)",
        "urlopen(url)",
        "smtplib.SMTP(host, port)",
        "socket.create_connection(address)",
        "psycopg.connect(url)",
        "select.select([sock], [], [])",
        "subprocess.run(['ls'], check=True)",
        "stopping.wait()",
        "thread.join()",
        "waiting.get()",
        "waiting.get(block=True)",
        "future.result()",
        "lock.acquire()",
        "connection.notifies()",
        "with self._places: pass",
        "class Handler(BaseHTTPRequestHandler): pass",
    ],
)
def test_a_wait_without_end_is_found(tmp_path: Path, line: str) -> None:
    head = (
        "import requests, select, smtplib, socket, subprocess, psycopg, threading\n"
        "from http.server import BaseHTTPRequestHandler\nfrom urllib.request import urlopen\n"
        "self._places = threading.BoundedSemaphore(2)\n"
    )
    path = tmp_path / "waits.py"
    path.write_text(head + line + "\n")
    assert found_in([path], tmp_path) == {("waits.py", line)}


@pytest.mark.parametrize(
    "line",
    [
        "requests.get(url, timeout=3)",
        "work.session.get(Order, order_id)",
        "stopping.wait(1.0)",
        "waiting.get(timeout=5)",
        "places.acquire(blocking=False)",
        "', '.join(names)",
        "values.get(name)",
        "correlation_id.get()",
        "psycopg.connect(url, **arguments)",
        "with self._lock: pass",
        "class Handler(BaseHTTPRequestHandler): timeout = 5",
    ],
)
def test_what_ends_is_let_through(tmp_path: Path, line: str) -> None:
    head = (
        "import requests, psycopg\nfrom contextvars import ContextVar\n"
        "from http.server import BaseHTTPRequestHandler\ncorrelation_id = ContextVar('c')\n"
    )
    path = tmp_path / "waits.py"
    path.write_text(head + line + "\n")
    assert found_in([path], tmp_path) == set()
