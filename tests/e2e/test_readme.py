"""The commands of the README's journey, run in a shell exactly as printed."""

from __future__ import annotations

import json
import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from tests.support.local_run import ROOT, local_run

JOURNEY: Final = re.compile(r"<!-- journey: .*?-->\n```bash\n(.*?)```", re.DOTALL)


def answers(output: str) -> list[Any]:
    """Return the JSON documents of the output, one after the other."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_readme_journey_works_as_typed(tmp_path: Path) -> None:
    match = JOURNEY.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert match, "README.md has its journey"
    with local_run(tmp_path / ".local") as run:
        script = match[1].replace("http://localhost:8000", f"http://localhost:{run.port}")
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("demo-wallet-v1\n")
    wallets, tested, price, bought, cancelled, balance, synced, wallet, trades = answers(done.stdout)
    assert wallets["items"][0]["custom_name"] == "My First Demo Wallet"
    assert (tested["success"], synced["success"], price["source"]) == (True, True, "simulated")
    assert (bought["status"], cancelled["status"]) == ("filled", "cancelled")
    left = Decimal(10_000) - Decimal(bought["filled_quote"]) - Decimal(bought["fee"])
    for assets in (balance["assets"], wallet["balance"]["assets"]):
        assert {asset["asset"]: Decimal(asset["free"]) for asset in assets} == {"BTC": Decimal("0.01"), "USDT": left}
    assert [fill["order_id"] for fill in trades["items"]] == [bought["order_id"]]
