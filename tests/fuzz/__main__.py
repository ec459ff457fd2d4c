"""Generated requests to every operation of the OpenAPI document, through the real handlers: ``python -m tests.fuzz``.

Schemathesis makes the requests. Half of them are valid and half are invalid. Some get a name that the operation does
not take, which must be refused. Schemathesis checks every response against the document: status, media type, headers
and body. No response may be a 5xx except a documented 503. Two processes share the operations, each with its own
database.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, redirect_stdout, suppress
from http import HTTPStatus
from io import StringIO
from random import Random
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, Response
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks

from tests.contract.conftest import new_world
from tests.fuzz.gateway import Gateway, Sent, on_the_wire
from tests.fuzz.known_values import KnownValues
from tests.fuzz.unknown_names import spoil
from tests.support.api import DOCUMENT, HEADERS, OPERATIONS, POLLED_HEADERS, Operation, issuer
from tests.support.lambdas import User
from tests.support.mongo import embedded_server

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
SHOWN = 5
"""Failures of one kind that are shown."""
PARTS = 2
"""Processes, each with a server and a world of its own."""
PROVING = 100
"""Cases from which on every operation must have been successful at least once."""


class Result(NamedTuple):
    """What became of one operation: how its cases were answered, and what was wrong."""

    statuses: Counter[str]
    failures: list[str]
    seconds: float


class Fuzzer:
    """One process's world."""

    def __init__(self) -> None:
        self._gateway = Gateway()
        self._values = KnownValues()
        schema = schemathesis.openapi.from_dict(DOCUMENT)
        self._described = {each.id: schema[each.path][each.method] for each in OPERATIONS}

    def run(self, operation: Operation, cases: int, number: int) -> Result:
        """Send up to ``cases`` different requests to one operation."""
        began, statuses, failures = time.monotonic(), Counter[str](), dict[str, list[str]]()
        has_input = operation.body is not None or "parameters" in operation.described
        modes = list(GenerationMode) if has_input else [GenerationMode.POSITIVE]
        for mode in modes:
            for status, failure in self._outcomes(
                operation, mode, cases // len(modes), f"{number} {operation.id} {mode}"
            ):
                statuses[status] += 1
                if failure:
                    failures.setdefault(failure.splitlines()[0], []).append(failure)
        shown = [text for kind in failures.values() for text in kind[:SHOWN]]
        return Result(statuses, shown, time.monotonic() - began)

    def _outcomes(self, operation: Operation, mode: GenerationMode, cases: int, start: str) -> list[tuple[str, str]]:
        """Return how each case was answered, and what was wrong with the answer."""
        chance, outcomes = Random(start), list[tuple[str, str]]()

        @seed(start)
        @settings(
            max_examples=max(1, cases),
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=self._described[operation.id].as_strategy(generation_mode=mode))
        def one(case: Case[Any]) -> None:
            outcomes.append(self._try(case, operation, chance))

        with suppress(Unsatisfiable):  # nothing that the document forbids can be sent
            one()
        return outcomes

    def _try(self, case: Case[Any], operation: Operation, chance: Random) -> tuple[str, str]:
        self._values.refill(operation)
        self._values.insert(case, operation, chance)
        spoilt = spoil(case, operation, chance)
        user = self._values.choose_caller(operation, chance)
        address = f"198.51.{chance.randrange(256)}.{chance.randrange(256)}"
        try:
            request = on_the_wire(case)
        except ValueError:
            return "not to be sent", ""
        try:
            sent = self._gateway.send(request, user, address)
        except Exception as error:  # noqa: BLE001 - whatever it is, no handler may raise it
            return "raised", f"{operation.id}: {type(error).__name__}\n  {error}\n  {case.as_curl_command()}"
        if sent.function != operation.id:
            return "elsewhere", ""
        status = sent.response.status_code
        self._values.learn(operation, status, _json(sent))
        return str(status), "\n".join(wrong(case, operation, sent.response, user, spoilt))


def _json(sent: Sent) -> Any:
    is_json = sent.response.headers.get("content-type") == ["application/json"]
    return sent.response.json() if is_json and sent.response.content else None


def wrong(
    case: Case[Any], operation: Operation, answer: Response, user: User | None, spoilt: str | None = None
) -> Iterator[str]:
    """Yield what is wrong with an answer, a line that names it first, and nothing if nothing is.

    ``spoilt`` is what the case has that no operation takes, None if it has nothing like that.
    """
    found: list[str] = []
    try:
        case.validate_response(answer, checks=CHECKS)
    except FailureGroup as group:
        found += [f"{type(failure).__name__}: {failure}" for failure in group.exceptions]
    carried = {name: values[0] for name, values in answer.headers.items()}
    protecting = POLLED_HEADERS if "etag" in carried else HEADERS
    if not carried.get("x-request-id") or not protecting.items() <= carried.items():
        found.append("an answer without X-Request-Id, or without a header that protects it")
    if spoilt is not None and answer.status_code < HTTPStatus.BAD_REQUEST:
        found.append(f"a request was accepted in spite of: {spoilt}")
    if b"Traceback" in answer.content:
        found.append("a stack trace in the answer")
    if found:
        yield f"{operation.id} {answer.status_code}: {found[0].splitlines()[0]}"
        yield from found
        yield f"asked by {user.id if user else 'nobody'}: {case.as_curl_command()}"
        yield answer.text[:2000]


def main() -> int:
    """Run the parts in parallel. The exit code is 1 if a part found a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="requests to each operation")
    parser.add_argument("--seed", type=int, default=Random().randrange(10**9), help="repeats the choices of a run")
    parser.add_argument("--part", type=int, help="try one of the parts only, in this process")
    parser.add_argument("--only", help="try one operation only")
    wanted = parser.parse_args()
    if wanted.only:
        return _try_all([each for each in OPERATIONS if each.id == wanted.only], wanted.cases, wanted.seed)
    if wanted.part is not None:
        return _try_all(OPERATIONS[wanted.part :: PARTS], wanted.cases, wanted.seed)
    began = time.monotonic()
    print(f"{wanted.cases} cases per operation, SEED={wanted.seed}", flush=True)
    command = [sys.executable, "-m", "tests.fuzz", "--cases", str(wanted.cases), "--seed", str(wanted.seed)]
    parts = [subprocess.Popen([*command, "--part", str(part)]) for part in range(PARTS)]
    wrong = {part.wait() for part in parts} != {0}
    verdict = "Something was wrong" if wrong else "Nothing was wrong"
    print(f"{verdict}, SEED={wanted.seed}: {time.monotonic() - began:.0f} s")
    return int(wrong)


def _try_all(chosen: Sequence[Operation], cases: int, number: int) -> int:
    """Try operations one after the other, print a line for each, and say with 1 that something was wrong."""
    wrong, log = False, StringIO()
    with ExitStack() as stack:
        mongo_url, keys = stack.enter_context(embedded_server()), stack.enter_context(issuer())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        with redirect_stdout(log):
            stack.enter_context(new_world(patch, mongo_url, keys))
            fuzzer = Fuzzer()
        for operation in chosen:
            with redirect_stdout(log):
                result = fuzzer.run(operation, cases, number)
            log.truncate(log.seek(0))
            answers = ", ".join(f"{status} x{count}" for status, count in sorted(result.statuses.items()))
            print(f"{operation.id:20} {result.seconds:5.0f} s  {answers}", flush=True)
            for failure in result.failures:
                print("\n  FAILED " + failure.replace("\n", "\n    "), flush=True)
            wrong |= bool(result.failures) or (cases >= PROVING and not _was_answered(result.statuses))
    return int(wrong)


def _was_answered(statuses: Counter[str]) -> bool:
    """Tell whether anything got through: a run that meets refusals only proves little."""
    if any(status.startswith("2") for status in statuses):
        return True
    print("\n  FAILED no request of this operation was successful")
    return False


if __name__ == "__main__":
    sys.exit(main())
