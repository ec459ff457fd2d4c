"""What `moniqo-admin keys status` shows, and what it never shows."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from moniqo_core import cli
from moniqo_core.cli.keys import table
from moniqo_core.credentials.key_ring import Key
from moniqo_core.services.wallets.reencryption import KeyUse

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)


def use(kid: str, age: timedelta, documents: int, *, writing: bool = False, unused: bool = False) -> KeyUse:
    return KeyUse(Key(kid, b"material of the key 0123456789ab", NOW - age, NOW if unused else None), writing, documents)


def test_status_lists_each_key_with_age_state_and_credential_count() -> None:
    uses = [
        use("k1", timedelta(days=180), 0, unused=True),
        use("k2", timedelta(days=90), 7),
        use("k3", timedelta(hours=1), 1200, writing=True),
        use("k4", timedelta(minutes=-9), 0),
    ]
    assert table(uses, 0, NOW).splitlines() == [
        "key  used from                 age    state        credentials",
        "k1   2025-08-05T12:00:00.000Z  180 d  leaves next  0",
        "k2   2025-11-03T12:00:00.000Z  90 d   superseded   7",
        "k3   2026-02-01T11:00:00.000Z  0 d    in use       1200",
        "k4   2026-02-01T12:09:00.000Z  -      next         0",
    ]


def test_status_counts_credentials_that_no_key_opens() -> None:
    assert table([], 3, NOW).endswith("No key of this ring can decrypt 3 credentials.\n")


def test_status_shows_no_key_material() -> None:
    shown = table([use("k1", timedelta(0), 1, writing=True)], 0, NOW)
    assert "material" not in shown
    assert base64.b64encode(b"material").decode()[:8] not in shown


def test_missing_setting_is_reported_in_one_line(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv("KEY_SECRET_ID")
    environment.setenv("MONGODB_URL", "mongodb://127.0.0.1:1/?directConnection=true")
    assert cli.main(["keys", "status"]) == 2
    assert capsys.readouterr().err == "KEY_SECRET_ID is not set.\n"


def test_rotate_requires_the_local_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["keys", "rotate"])
    assert "--local" in capsys.readouterr().err
