"""Where the entries of live journals are, and how a user wallet names the one that would follow."""

from __future__ import annotations

from typing import Final

LIVE_ENTRIES: Final = "live_wallet_ledger"
NEXT_ENTRY: Final = "next_entry"
"""The field of a live wallet with the id of the entry that follows what is projected. It may not exist yet."""
FIRST_ENTRY: Final = ":000000000001"
"""What the id of the first entry adds to that of its wallet, which does not name an entry before that is projected."""
