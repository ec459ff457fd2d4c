"""The error codes of MongoDB that say nothing about the request: the server failed, and the call may succeed later."""

from __future__ import annotations

from typing import Final

# The codes and their names are those of src/mongo/base/error_codes.yml in MongoDB's source.
_INTERNAL: Final = {1, 8}
"""InternalError, UnknownError: the server failed while it executed the command."""
_ACCESS_DENIED: Final = {11, 13, 18, 391, 8000}
"""UserNotFound, Unauthorized, AuthenticationFailed, ReauthenticationRequired, AtlasError: the deployment's connection
string is wrong, or about to change."""
_NETWORK: Final = {6, 7, 89, 141, 145, 172, 190, 202, 279, 317, 384, 9001, 56846}
"""HostUnreachable, HostNotFound, NetworkTimeout, SSLHandshakeFailed, PooledConnectionsDropped, TransportSessionClosed,
MasterSlaveConnectionFailure, NetworkInterfaceExceededTimeLimit, ClientDisconnect, ConnectionPoolExpired,
ConnectionError, SocketException, ConfigServerUnreachable."""
_NOT_PRIMARY: Final = {91, 94, 133, 149, 189, 199, 216, 333, 372, 10058, 10107, 11600, 11602, 13435, 13436}
"""ShutdownInProgress, NotYetInitialized, FailedToSatisfyReadPreference, NoConfigPrimary, PrimarySteppedDown,
ReplicaSetMonitorRemoved, ElectionInProgress, ServiceExecutorInShutdown, CloseConnectionForShutdownCommand and the
"not primary" codes: an election or a restart is under way."""
_INTERRUPTED: Final = {24, 43, 50, 90, 175, 237, 262, 290, 355, 398, 407, 453, 11601, 46841, 91331, 10045600}
"""LockTimeout, CursorNotFound, MaxTimeMSExpired, CallbackCanceled, QueryPlanKilled, CursorKilled, ExceededTimeLimit,
TransactionExceededLifetimeLimitSeconds, InterruptedDueToStorageChange, StreamTerminated, PooledConnectionAcquisition,
InterruptedDueToReshardingCriticalSection, Interrupted, ClientMarkedKilled, RetriableRemoteCommandFailure,
InterruptedDueToFCVChange: the server ended the command before its end."""
_CONFLICT: Final = {46, 107, 112, 117, 208, 215, 239, 246, 250, 251, 267, 272, 314, 363, 50915, 12586, 12587}
"""LockBusy, LockFailed, WriteConflict, ConflictingOperationInProgress, TooManyLocks, DatabaseDropPending,
SnapshotTooOld, SnapshotUnavailable, StaleChunkHistory, NoSuchTransaction, PreparedTransactionInProgress,
MigrationConflict, ObjectIsBusy, RetryableTransactionInProgress, BackupCursorOpenConflictWithCheckpoint and background
operations: another operation was in the way."""
_ROUTING: Final = {63, 70, 118, 150, 203, 249, 319, 338, 342, 343, 358, 406, 412, 414, 13388}
"""Stale versions of shards and databases, and shards that are being moved."""
_WRITE_CONCERN: Final = {64, 75, 79, 100, 134}
"""WriteConcernTimeout, WriteConcernLegacyOK, UnknownReplWriteConcern, UnsatisfiableWriteConcern,
ReadConcernMajorityNotAvailableYet: the write may be stored, but not on a majority."""
_OVERLOADED: Final = {146, 261, 264, 365, 371, 402, 433, 449, 450, 462, 14031}
"""ExceededMemoryLimit, TooManyLogicalSessions, TooManyFilesOpen, TemporarilyUnavailable, UserWritesBlocked,
ResourceExhausted, AdmissionQueueOverflow, RateLimitExceeded, PooledConnectionAcquisitionRejected,
IngressRequestRateLimitExceeded, OutOfDiskSpace: the server has no room for the command at this time."""
TEMPORARY_CODES: Final = frozenset().union(
    *(_INTERNAL, _ACCESS_DENIED, _NETWORK, _NOT_PRIMARY, _INTERRUPTED, _CONFLICT, _ROUTING, _WRITE_CONCERN, _OVERLOADED)
)
