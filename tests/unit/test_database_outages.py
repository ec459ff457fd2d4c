"""Which errors of MongoDB mean that the same call may succeed later."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.errors import BulkWriteError, ClientBulkWriteException, DuplicateKeyError, OperationFailure, PyMongoError

from moniqo_core.storage.client import is_outage

# Codes by MongoDB's src/mongo/base/error_codes.yml: network, elections, interruptions, conflicts, routing, overload.
TEMPORARY = [
    *(6, 7, 24, 43, 46, 50, 64, 89, 91, 100, 112, 117, 133, 134, 150, 175, 189, 190, 202, 216, 237, 239, 246, 249),
    *(250, 262, 264, 279, 290, 358, 365, 371, 391, 402, 407, 433, 449, 450, 453, 462, 9001, 10107, 11600, 11601),
    *(11602, 13388, 13435, 13436, 14031, 46841, 91331, 1, 8, 13, 18, 8000),
]
FAULTS_OF_A_REQUEST = [2, 9, 14, 17, 20, 22, 26, 28, 52, 59, 66, 67, 72, 121, 10334, 11000, 40415]


def client_bulk(code: int) -> ClientBulkWriteException:
    results: dict[str, Any] = {"error": None, "writeErrors": [{"idx": 0, "code": code}], "writeConcernErrors": []}
    return ClientBulkWriteException(results, verbose=False)


def in_every_form(code: int) -> list[PyMongoError]:
    """The error of a whole command, and of one write in either kind of bulk write."""
    collection_bulk = BulkWriteError({"writeErrors": [{"index": 0, "code": code}], "writeConcernErrors": []})
    return [OperationFailure("text", code), client_bulk(code), collection_bulk]


@pytest.mark.parametrize("code", TEMPORARY)
def test_error_of_the_server_is_an_outage(code: int) -> None:
    assert [is_outage(error) for error in in_every_form(code)] == [True] * 3


@pytest.mark.parametrize("code", FAULTS_OF_A_REQUEST)
def test_error_of_the_request_is_no_outage(code: int) -> None:
    assert [is_outage(error) for error in in_every_form(code)] == [False] * 3
    assert not is_outage(DuplicateKeyError("text", 11000))


@pytest.mark.parametrize("label", ["RetryableWriteError", "SystemOverloadedError"])
def test_unknown_code_with_a_label_for_temporary_errors_is_an_outage(label: str) -> None:
    error = OperationFailure("text", 999_999, {"errorLabels": [label]})
    assert is_outage(error)


def test_error_of_the_program_is_no_outage() -> None:
    assert not is_outage(ValueError("text"))
