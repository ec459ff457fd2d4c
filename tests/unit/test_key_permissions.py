"""Which changes of a key's permissions pause its wallet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moniqo_core.domain.wallets.key_permissions import KeyPermissions, reason_to_pause

KEY = KeyPermissions(can_read=True, can_trade=True, can_withdraw=False, ip_restricted=True)


@pytest.mark.parametrize("told", [True, False])
def test_permission_that_was_not_known_before_has_not_changed(*, told: bool) -> None:
    unknown = replace(KEY, ip_restricted=None)
    assert reason_to_pause(unknown, replace(KEY, ip_restricted=told)) is None
    changed = reason_to_pause(unknown, replace(KEY, can_trade=False, ip_restricted=told))
    assert changed == "The permissions of the API key changed at the venue: can_trade."


@pytest.mark.parametrize("now", [replace(KEY, ip_restricted=False), replace(KEY, ip_restricted=None)], ids=str)
def test_permission_that_changed_pauses_the_wallet(now: KeyPermissions) -> None:
    assert reason_to_pause(KEY, now) == "The permissions of the API key changed at the venue: ip_restricted."
    assert reason_to_pause(None, now) is None
