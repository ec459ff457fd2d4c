"""Which AWS actions each function's code can call, found by static analysis of the call graph.

A node is a class and one of its methods. The type of an attribute comes from the annotation of the parameter that sets
it. The analysis fails when it cannot resolve a call, and never guesses.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.stack import ROOT

PACKAGE = ROOT / "layers" / "core" / "moniqo_core"
ACTIONS = {
    "get_secret_value": "secretsmanager:GetSecretValue",
    "put_secret_value": "secretsmanager:PutSecretValue",
    "update_secret_version_stage": "secretsmanager:UpdateSecretVersionStage",
    "describe_secret": "secretsmanager:DescribeSecret",
    "update_secret": "secretsmanager:UpdateSecret",
    "create_secret": "secretsmanager:CreateSecret",
    "send_message": "sqs:SendMessage",
    "send_message_batch": "sqs:SendMessage",
    "receive_message": "sqs:ReceiveMessage",
    "delete_message": "sqs:DeleteMessage",
    "admin_initiate_auth": "cognito-idp:AdminInitiateAuth",
}
QUEUES = {"sync_queue_url": "SyncQueue", "evaluation_queue_url": "EvaluationQueue"}
UNRELATED = {"settings", "configure_logging", "check_database", "preload", "is_outage"}
"""Functions of bootstrap that do not make services."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Method = tuple[str, str]
Right = tuple[str, str]
"""An action and the logical id of what it is taken on."""


def used_rights(function: str) -> set[Right]:
    """Return the permissions that the code of a function uses."""
    rights: set[Right] = set()
    tree = _code_of(function)
    for factory in _factories_of(tree):
        made = _closure(factory)
        if "database" in made:
            rights.add(("secretsmanager:GetSecretValue", "MongoSecretArn"))
        queues = {queue for name in made for setting, queue in QUEUES.items() if setting in _strings(name)}
        for action in {action for method in _started(tree, factory) for action in _actions(method)}:
            places = {"sqs": queues, "secretsmanager": {"KeySecret"}, "cognito-idp": {"UserPool"}}
            rights |= {(action, place) for place in places[action.partition(":")[0]]}
    return rights


def _code_of(function: str) -> ast.Module:
    """Return a function's own code: its ``app.py``, and the routes that it imports."""
    app = _parsed(ROOT / "functions" / function / "app.py")
    routes = [
        _parsed((PACKAGE.parent / node.module.replace(".", "/")).with_suffix(".py"))
        for node in ast.walk(app)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("moniqo_core.http.routes.")
    ]
    return ast.Module([statement for part in (app, *routes) for statement in part.body], [])


def _factories_of(tree: ast.Module) -> set[str]:
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bootstrap"
    } & _bootstrap().keys()


def _started(tree: ast.Module, factory: str) -> set[Method]:
    """Return the methods that a function calls on objects of ``bootstrap.factory()``, at once or by a variable."""
    call = f"bootstrap.{factory}()"
    names = {
        ast.unparse(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) == call
    }
    found = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in {call, *names}
    }
    if factory in UNRELATED:
        return set()
    handed_on = {ast.unparse(each) for node in ast.walk(tree) if isinstance(node, ast.Call) for each in node.args}
    assert found or handed_on & {call, *names}, f"{call} is used in a way that cannot be followed: call a method of it"
    made = ast.unparse(_bootstrap()[factory].returns or ast.Constant(None))
    return {(made, name) for name in found}


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _bootstrap() -> dict[str, Function]:
    """Return every function of the composition root. Functions that other modules of it call have unique names."""
    functions = [
        node
        for path in sorted((PACKAGE / "bootstrap").glob("*.py"))
        for node in _parsed(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    found = {node.name: node for node in functions}
    assert len(found) == len(functions), "two functions of bootstrap share a name: a call of it cannot be followed"
    return found


@cache
def _closure(factory: str) -> frozenset[str]:
    """Return the factory and all functions that it calls. A function that it only passes on is not called."""
    reached, waiting = {factory}, [factory]
    while waiting:
        for node in ast.walk(_bootstrap()[waiting.pop()]):
            called = _called(node.func) if isinstance(node, ast.Call) else None
            if called in _bootstrap() and called not in reached:
                reached.add(called)
                waiting.append(called)
    return frozenset(reached)


def _called(callee: ast.expr) -> str | None:
    """Return the function that ``bootstrap.name()`` or ``name()`` calls, or None for any other call."""
    if isinstance(callee, ast.Attribute) and ast.unparse(callee.value) == "bootstrap":
        return callee.attr
    return callee.id if isinstance(callee, ast.Name) else None


def _strings(factory: str) -> set[str]:
    return {str(node.value) for node in ast.walk(_bootstrap()[factory]) if isinstance(node, ast.Constant)}


@cache
def _classes() -> dict[str, ast.ClassDef]:
    return {
        node.name: node
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.ClassDef)
    }


@cache
def _methods(owner: str) -> dict[str, Function]:
    body = _classes()[owner].body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@cache
def _attributes(owner: str) -> dict[str, set[str]]:
    """Return which of our classes each attribute of ``self`` may hold, by the annotations of methods.

    A property that makes its object when it is needed says by its result what it holds.
    """
    held = {
        name: set(re.findall(r"\w+", ast.unparse(method.returns))) & _classes().keys()
        for name, method in _methods(owner).items()
        if method.returns and "cached_property" in {ast.unparse(decorator) for decorator in method.decorator_list}
    }
    start = _methods(owner).get("__init__")
    if not isinstance(start, ast.FunctionDef):
        return held
    given = _parameters(start)
    for node in ast.walk(start):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if isinstance(target, ast.Attribute):
            names = {each.id for each in ast.walk(node.value) if isinstance(each, ast.Name)}
            held[target.attr] = (names & _classes().keys()).union(*(given.get(name, set()) for name in names))
    return held


@cache
def _actions(start: Method) -> frozenset[str]:
    """Return the AWS actions that a method may lead to."""
    reached, waiting, actions = {start}, [start], set[str]()
    while waiting:
        owner, name = waiting.pop()
        method = _methods(owner).get(name)
        if method is None:
            continue
        actions |= set(_own_actions(method))
        for step in _steps(owner, method):
            if step not in reached:
                reached.add(step)
                waiting.append(step)
    return frozenset(actions)


def _own_actions(method: Function) -> Iterator[str]:
    for node in ast.walk(method):
        if isinstance(node, ast.Attribute) and node.attr in ACTIONS:
            yield ACTIONS[node.attr]
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "self._provider().get":  # Powertools Parameters
            yield ACTIONS["get_secret_value"]


def _steps(owner: str, method: Function) -> Iterator[Method]:
    without_key = {
        node.func
        for node in ast.walk(method)
        if isinstance(node, ast.Call)
        and any(each.arg == "with_key" and ast.unparse(each.value) == "False" for each in node.keywords)
    }
    for node in ast.walk(method):
        if not isinstance(node, ast.Attribute) or node in without_key:
            continue
        value = node.value.func if isinstance(node.value, ast.Call) else node.value
        if isinstance(value, ast.Name) and value.id == "self":
            yield owner, node.attr
        held: set[str] = set()
        if isinstance(value, ast.Name):
            held = _parameters(method).get(value.id, set())
        elif isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == "self":
            held = _attributes(owner).get(value.attr, set())
        yield from ((each, node.attr) for name in held for each in _implementations(name))


def _parameters(method: Function) -> dict[str, set[str]]:
    """Return which of our classes each parameter may be, by its annotation."""
    arguments = [*method.args.args, *method.args.kwonlyargs]
    words = {each.arg: set(re.findall(r"\w+", ast.unparse(each.annotation))) for each in arguments if each.annotation}
    return {name: found & _classes().keys() for name, found in words.items()}


def _implementations(name: str) -> Iterator[str]:
    """Return a class, or for a protocol every class that has its methods."""
    if "Protocol" not in {ast.unparse(base) for base in _classes()[name].bases}:
        yield name
        return
    wanted = _methods(name).keys()
    yield from (each for each in _classes() if each != name and wanted <= _methods(each).keys())
