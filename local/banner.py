"""The text that `make run` prints when it is ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def ready(api_url: str, users: Iterable[Mapping[str, Any]], state_dir: Path, seconds: float) -> str:
    """Return the text: where it runs, who can log in, and three commands to paste."""
    people = list(users)
    width = max(len(user["email"]) for user in people)
    logins = "\n".join(
        f"  {user['email']:<{width}}  {user['password']}  {' '.join(user['groups'])}".rstrip() for user in people
    )
    trader = people[0]
    return f"""
Moniqo Wallets is ready on {api_url} ({seconds:.1f} s)
  documentation  {api_url}/api/docs
  state and logs {state_dir}   (delete it to start afresh)

Users
{logins}

Try
  curl {api_url}/api/v1/wallets/definitions

  TOKEN=$(curl -s {api_url}/api/v1/auth/login -H 'Content-Type: application/json' \\
    -d '{{"email": "{trader["email"]}", "password": "{trader["password"]}"}}' \\
    | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')

  curl {api_url}/api/v1/wallets -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{
    "wallet_id": "demo-wallet-v1", "custom_name": "My First Demo Wallet",
    "credentials": {{"initial_balance_usd": "10000"}},
    "risk_limits": {{"max_position_size_usd": 1000, "max_total_exposure_usd": 5000, "max_open_positions": 5,
      "daily_loss_limit_usd": 500, "stop_loss_default_percent": 2.0, "take_profit_default_percent": 5.0}}}}'

Press Ctrl-C to stop. The state is kept.
"""
