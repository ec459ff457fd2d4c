"""The connection to MongoDB, and the meaning of its errors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any, Final, cast

from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from pymongo import AsyncMongoClient
from pymongo.errors import (
    BulkWriteError,
    ClientBulkWriteException,
    ConfigurationError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    ProtocolError,
    PyMongoError,
    WriteConcernError,
)

from moniqo_core.storage.document import Database, Document
from moniqo_core.storage.error_codes import TEMPORARY_CODES

DatabaseError = PyMongoError
"""The base class of the driver's errors. :func:`is_outage` tells whether the same call may succeed later."""

OLDEST_SERVER: Final = 8
ANSWER_MS: Final = 10_000
UNREADABLE_DOCUMENT: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""The exceptions of reading a document that does not have the form in which this service writes it."""
UNUSABLE_ADDRESS: Final = (ConfigurationError, ValueError, LookupError, TypeError)
"""The exceptions of :func:`connect` and :func:`url_from_secret` for an unusable connection string."""


_OUTAGES: Final = (ConnectionFailure, ExecutionTimeout, WriteConcernError, ProtocolError, InvalidBSON)
_LABELS: Final = ("RetryableWriteError", "RetryableError", "SystemOverloadedError", "TransientTransactionError")
"""Labels of temporary errors, whose codes may be newer than our list."""


class UnsupportedServerError(RuntimeError):
    """The server is older than MongoDB 8, which has the ``bulkWrite`` command that commits to the journal."""


def url_from_secret(text: str) -> str:
    """Return the connection string in a secret: the whole text, or the member ``url`` of a JSON object."""
    if text.lstrip().startswith("{"):
        return str(json.loads(text)["url"])
    return text.strip()


def connect(url: str, name: str) -> Database:
    """Return the database ``name``. Nothing is sent before the first operation.

    The pool is small, because an execution environment serves one request at a time. The time-out of server selection
    is short, so that a caller gets a 503 before API Gateway times out.
    """
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        url,
        appname="moniqo",
        maxPoolSize=8,
        serverSelectionTimeoutMS=3000,
        connectTimeoutMS=3000,
        socketTimeoutMS=ANSWER_MS,
        waitQueueTimeoutMS=3000,
        w="majority",
        retryWrites=True,
        retryReads=True,
    )
    return with_utc_times(client.get_database(name))


def with_utc_times(db: Database) -> Database:
    """Return the database with options that make times read from it aware and in UTC."""
    if db.codec_options.tz_aware and db.codec_options.tzinfo is UTC:
        return db
    return db.with_options(codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))


async def server_version(db: Database) -> str:
    """Return the version of the server. One round trip.

    Raises:
        UnsupportedServerError: the server is older than this service supports.

    """
    version = str((await db.client.admin.command("buildInfo"))["version"])
    if int(version.partition(".")[0]) < OLDEST_SERVER:
        message = f"MongoDB {version} is too old. This service needs MongoDB {OLDEST_SERVER}.0 or newer."
        raise UnsupportedServerError(message)
    return version


def is_outage(error: BaseException) -> bool:
    """Tell whether the database failed, not the request, so that the same call may succeed later.

    After such an error of a write, it is unknown whether the write is stored.
    """
    if isinstance(error, _OUTAGES):
        return True
    if isinstance(error, ClientBulkWriteException):
        # The driver's annotation is wrong: these are the server's documents.
        failures = cast("Iterable[Mapping[str, Any]]", error.write_errors or ())
        inner = error.error
        return bool(error.write_concern_errors) or _any_temporary(failures) or (inner is not None and is_outage(inner))
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        return bool(details.get("writeConcernErrors")) or _any_temporary(details.get("writeErrors", ()))
    if isinstance(error, OperationFailure):
        return error.code in TEMPORARY_CODES or any(map(error.has_error_label, _LABELS))
    return False


def _any_temporary(failures: Iterable[Mapping[str, Any]]) -> bool:
    return any(failure.get("code") in TEMPORARY_CODES for failure in failures)
