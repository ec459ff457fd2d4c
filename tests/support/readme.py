"""The README's journey: a block of commands, and what they must have printed."""

from __future__ import annotations

import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
_JOURNEY: Final = re.compile(r"<!-- journey: .*?-->\n```bash\n(.*?)```", re.DOTALL)
_ADDRESS: Final = "http://localhost:8000"


def follow_journey(port: int, folder: Path, seconds: float = 120) -> str:
    """Run the commands exactly as printed, in ``folder``, which holds .local/stack.json. Return what they print."""
    match = _JOURNEY.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert match, "README.md has its journey"
    assert _ADDRESS in match[1]
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", match[1].replace(_ADDRESS, f"http://localhost:{port}")],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def check_journey(printed: str) -> None:
    """Check every answer of the journey."""
    assert printed.startswith("demo-wallet-v1\n")
    wallets, tested, price, bought, cancelled, balance, synced, wallet, trades = _answers(printed)
    assert wallets["items"][0]["custom_name"] == "My First Demo Wallet"
    assert (tested["success"], synced["success"], price["source"]) == (True, True, "simulated")
    assert (bought["status"], cancelled["status"]) == ("filled", "cancelled")
    left = Decimal(10_000) - Decimal(bought["filled_quote"]) - Decimal(bought["fee"])
    for assets in (balance["assets"], wallet["balance"]["assets"]):
        assert {asset["asset"]: Decimal(asset["free"]) for asset in assets} == {"BTC": Decimal("0.01"), "USDT": left}
    assert [fill["order_id"] for fill in trades["items"]] == [bought["order_id"]]


def _answers(output: str) -> list[Any]:
    """Return the JSON documents of the output, one after the other."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]
