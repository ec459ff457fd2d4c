"""Move stored credentials to the key in use, and complete account fingerprints. The schedule calls this.

Where scheduled rotation is off, this also makes the first key of the ring.
"""

from __future__ import annotations

from typing import Any, Final

from moniqo_core import bootstrap, event_loop, metrics, observability

# A run ends well before its time-out in the template. The next run goes on.
SECONDS: Final = 40.0
SECONDS_FOR_FINGERPRINTS: Final = 5.0


def handler(_event: dict[str, Any], context: object) -> dict[str, int]:
    """Re-encrypt credentials under superseded keys. Return how many moved, cannot be decrypted, and are left.

    Wallets that were connected before account fingerprints get one first.
    """
    bootstrap.configure_logging()
    observability.begin(context)
    event_loop.run(bootstrap.keys().add_first_key())
    fingerprints = event_loop.run(bootstrap.account_fingerprints().complete(seconds=SECONDS_FOR_FINGERPRINTS))
    report = event_loop.run(bootstrap.reencryption().run(SECONDS))
    metrics.publish(
        bootstrap.settings(),
        CredentialsMoved=report.moved,
        CredentialsUnreadable=report.unreadable,
        CredentialsLeft=report.left,
        KeyAge=report.key_age.total_seconds(),
        FingerprintsCompleted=fingerprints.completed,
    )
    return {"moved": report.moved, "unreadable": report.unreadable, "left": report.left}
