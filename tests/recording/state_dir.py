"""The part ``state_dir`` of a recording: what a local run leaves in its folder after a short journey."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.recording.paper_orders import WIDE
from tests.support.local_run import LocalRun, local_run
from tests.support.recorded import write_file
from tests.support.recorded_calls import BASE
from tests.support.recorded_run import ask, pack
from tests.support.recorded_venues import described
from tests.support.venues.binance import FakeBinance
from tests.support.wallets import new_wallet

BINANCE = "binance-spot-v1"


@dataclass
class Person:
    """A user who logged in. ``named`` are the requests whose client order id is in use."""

    run: LocalRun
    token: str
    named: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, method: str, path: str, expected: int = 200, **given: Any) -> Any:
        asked = {"method": method, "path": BASE + path, **given}
        answer = ask(self.run, self.token, asked)
        assert answer["status"] == expected, (asked, answer)
        if "client_order_id" in (given.get("body") or {}) or "headers" in given:
            self.named.append(asked)
        return answer["body"]

    def place(self, wallet: str, side: str, kind: str, symbol: str = "BTC/USDT", **fields: Any) -> Any:
        body = {"symbol": symbol, "side": side, "type": kind, **fields}
        return self.ask("POST", f"/wallets/{wallet}/orders", 201, body=body)


def on_paper(trader: Person) -> list[str]:
    """Wallets on paper: one that holds and waits, one of shares, one that was reset, its copy, and a paused one."""
    body = new_wallet(risk_limits=WIDE)
    first = trader.ask("POST", "/wallets", 201, body=body, headers={"Idempotency-Key": "first"})["id"]
    trader.place(first, "buy", "market", amount="0.05", client_order_id="bought", stop_loss={"percent": "60"})
    trader.place(first, "buy", "market", quote_amount="500", client_order_id="quote")
    trader.place(first, "buy", "limit", amount="0.01", price="20000", client_order_id="far")
    ended = trader.place(first, "buy", "limit", amount="0.01", price="21000", client_order_id="cancelled")
    trader.ask("DELETE", f"/wallets/{first}/orders/{ended['order_id']}")
    trader.ask("POST", f"/wallets/{first}/sync-balance")
    shares, again, paused = (
        trader.ask("POST", "/wallets", 201, body={**body, "wallet_id": slug, "custom_name": name})["id"]
        for slug, name in (("demo-stocks-v1", "Shares"), ("demo-wallet-v1", "Reset"), ("demo-wallet-v1", "Paused"))
    )
    trader.place(shares, "buy", "limit", symbol="AAPL/USD", amount="3", price="20", client_order_id="waits")
    trader.place(again, "buy", "market", amount="0.1", client_order_id="before-the-reset")
    trader.ask("POST", f"/wallets/{again}/reset", headers={"Idempotency-Key": "reset"})
    trader.place(again, "buy", "market", amount="0.02", client_order_id="after-the-reset")
    copy = trader.ask("POST", f"/wallets/{again}/fork", 201, body={"seq": 2}, headers={"Idempotency-Key": "fork"})
    trader.ask("POST", f"/wallets/{paused}/pause", body={"reason": "a rest"})
    return [first, shares, again, copy["id"], paused]


def at_a_venue(trader: Person, admin: Person, venue: FakeBinance) -> str:
    """A live wallet with credentials, an order that filled and one that is open."""
    config = {"base_url": venue.url, "rate_limits": {"requests_per_second": 1000}}
    admin.ask("PATCH", f"/wallets/definitions/{BINANCE}", body={"api_config": config})
    admin.ask("PATCH", "/wallets/definitions/demo-stocks-v1", body={"description": "Changed by an operator"})
    credentials = venue.credentials(balances={"USDT": "5000"})
    body = new_wallet(wallet_id=BINANCE, custom_name="Binance", credentials=credentials)
    live: str = trader.ask("POST", "/wallets", 201, body=body)["id"]
    trader.ask("POST", f"/wallets/{live}/sync-balance")
    trader.place(live, "buy", "market", amount="0.01", client_order_id="bought")
    trader.place(live, "buy", "limit", amount="0.001", price="40000", client_order_id="open")
    return live


def rotate(state: Path) -> None:
    """Add a key to the ring, as an operator does from a shell."""
    line = f'. {state}/environment; exec {sys.executable} -m moniqo_core.cli "$@"'
    command = ["/bin/sh", "-c", line, "sh", "keys", "rotate", "--local", "--no-wait"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def questions(wallets: list[str], live: str) -> list[dict[str, Any]]:
    """Ask for what must outlive the run, whenever it goes on."""
    paths = ["/wallets", "/wallets/definitions", "/wallets/definitions/demo-stocks-v1"]
    for wallet in (*wallets, live):
        parts = ["", "/balance", "/positions", "/orders", "/trades", *(["/ledger"] if wallet != live else [])]
        paths += [f"/wallets/{wallet}{part}" for part in parts]
    return [{"method": "GET", "path": BASE + path} for path in paths]


def record_state_dir(folder: Path) -> None:
    """Go on the journey, ask everything at the end, and pack the folder."""
    with tempfile.TemporaryDirectory() as temporary, FakeBinance() as venue:
        state = Path(temporary) / "state"
        with local_run(state, PARAMETERS="LiveTrading=true") as run:
            trader, admin = Person(run, run.login()), Person(run, run.login("admin"))
            paper = on_paper(trader)
            live = at_a_venue(trader, admin, venue)
            rotate(state)
            user = run.description["users"][0]
            body = {"email": user["email"], "password": user["password"]}
            tokens = run.call("POST", f"{BASE}/auth/login", body).json
            asked = questions(paper, live)
            answers = [{"request": one, "answer": ask(run, trader.token, one)} for one in asked]
            repeats = [{"request": one, "answer": ask(run, trader.token, one)} for one in trader.named]
            assert all(item["answer"]["replayed"] for item in repeats), repeats
            about = {"at": datetime.now(UTC).isoformat(), "users": run.description["users"], "paper": paper}
        content = {**about, "live": live, "refresh_token": tokens["refresh_token"], "venue": described(venue.exchange)}
        write_file(folder / "answers.json.xz", {**content, "questions": answers, "repeats": repeats})
        pack(state, folder / "state_dir.tar.xz")
