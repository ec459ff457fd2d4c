"""Moving the clock of the service forward."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from types import SimpleNamespace

import pytest

from moniqo_core.domain import clock


def put_clock_forward(patch: pytest.MonkeyPatch, ahead: timedelta) -> None:
    """Let :func:`moniqo_core.domain.clock.utc_now` return the present plus ``ahead`` wherever the service uses it."""

    def now(zone: tzinfo) -> datetime:
        return datetime.now(zone) + ahead

    patch.setattr(clock, "datetime", SimpleNamespace(now=now))
