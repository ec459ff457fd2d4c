"""`make run` on the real template: the journey of a user, a restart, and a clean end."""

from __future__ import annotations

import http.client
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from shutil import copytree
from urllib.parse import urlsplit

import pytest

from tests.support.local_run import LocalRun, Reply, exchange, free_port, gone, is_free, local_run, refused

WALLET = {
    "wallet_id": "demo-wallet-v1",
    "custom_name": "My First Demo Wallet",
    "credentials": {"initial_balance_usd": "10000"},
    "risk_limits": {
        "max_position_size_usd": 1000,
        "max_total_exposure_usd": 5000,
        "max_open_positions": 5,
        "daily_loss_limit_usd": 500,
        "stop_loss_default_percent": 2.0,
        "take_profit_default_percent": 5.0,
    },
}
BASE = "/api/v1"
ORDER = {
    "symbol": "BTC/USDT",
    "side": "buy",
    "type": "limit",
    "amount": "0.001",
    "price": "20000",
    "time_in_force": "IOC",
    "metadata": {f"note-{number}": "x" * 150 for number in range(10)},
}


def journey(run: LocalRun, token: str) -> tuple[str, str]:
    """Go through a user's first session, and return the wallet and its only order."""
    assert run.call("GET", f"{BASE}/wallets/definitions").status == 200
    created = run.call("POST", f"{BASE}/wallets", WALLET, token)
    assert created.status == 201, created.body
    wallet = created.json["id"]
    assert [item["id"] for item in run.call("GET", f"{BASE}/wallets", token=token).json["items"]] == [wallet]
    tested = run.call("POST", f"{BASE}/wallets/{wallet}/test-connection", token=token)
    assert (tested.status, tested.json["success"]) == (200, True)
    order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "amount": "0.01"}
    placed = run.call("POST", f"{BASE}/wallets/{wallet}/orders", order, token)
    assert (placed.status, placed.json["status"]) == (201, "filled"), placed.body
    synced = run.call("POST", f"{BASE}/wallets/{wallet}/sync-balance", token=token)
    assert (synced.status, synced.json["success"]) == (200, True), synced.body
    assert run.call("GET", "/api/docs").status == 200
    return wallet, placed.json["order_id"]


def seen(run: LocalRun, token: str, wallet: str) -> tuple[object, object]:
    """Return what must survive a restart: the balance's amounts and the orders."""
    assets = run.call("GET", f"{BASE}/wallets/{wallet}/balance", token=token).json["assets"]
    orders = run.call("GET", f"{BASE}/wallets/{wallet}/orders", token=token).json["items"]
    return [(asset["asset"], asset["free"], asset["locked"]) for asset in assets], orders


def test_journey_survives_a_restart_and_leaves_no_process(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with local_run(state) as run:
        for user in run.description["users"]:
            assert user["email"] in run.output
            assert user["password"] in run.output
        assert f"http://localhost:{run.port}/api/docs" in run.output
        assert run.output.count("curl ") == 3
        first, *steps = run.output.partition("\n\n")[0].splitlines()
        assert first == f"Starting the database, the AWS services and the functions in {state} ..."
        assert [step[-4:-1] for step in steps] == ["1/3", "2/3", "3/3"]
        token = run.login()
        wallet, order = journey(run, token)
        before = seen(run, token, wallet)
        assert moniqo(state, "keys", "rotate", "--local", "--no-wait")[0] == 0
        ring = moniqo(state, "keys", "status")
        assert (ring[0], len(ring[1].splitlines())) == (0, 3), ring
        users, port, children = run.description["users"], run.port, run.children()
        mongodb = urlsplit(run.description["mongodb_url"]).port
        assert mongodb
        assert len(children) >= 3
        assert run.stop(signal.SIGINT) == 0
    assert gone(children)
    assert is_free(port)
    assert is_free(mongodb)
    assert not (state / "stack.json").exists()
    assert not (state / "environment").exists()
    assert {file.stat().st_mode & 0o077 for file in state.glob("*.json")} == {0}

    with local_run(state, port=port) as run:
        assert run.description["users"] == users
        assert run.call("GET", f"{BASE}/wallets/{wallet}", token=token).status == 200, "an old token still opens it"
        token = run.login()
        assert seen(run, token, wallet) == before
        assert moniqo(state, "keys", "status") == ring, "a restart keeps the ring"
        assert run.call("GET", f"{BASE}/wallets/{wallet}/orders/{order}", token=token).status == 200
        children = run.children()
        run.process.kill()
        run.process.wait()
        assert gone(children), "children must not outlive a killed parent"
    with local_run(state, port=port) as run:
        assert seen(run, run.login(), wallet) == before
        assert run.stop(signal.SIGTERM) == 0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRun]:
    """A stack for the tests that neither stop it nor touch its files."""
    with local_run(tmp_path_factory.mktemp("running") / "state", WORKERS="1") as run:
        yield run


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The files of a stack that a trader used and that was stopped, and the trader's wallet."""
    state = tmp_path_factory.mktemp("used") / "state"
    with local_run(state, WORKERS="1") as run:
        wallet, _ = journey(run, run.login())
        # The embedded database keeps its newest writes in memory. Stopping writes them, so the wallet cannot be lost.
        assert run.stop() == 0
    return state, wallet


@pytest.fixture
def stopped(used: tuple[Path, str], tmp_path: Path) -> tuple[Path, str]:
    """A copy of these files that a test may change."""
    return copytree(used[0], tmp_path / "state"), used[1]


def test_trader_and_admin_have_different_permissions(running: LocalRun) -> None:
    trader, admin = running.login(), running.login("admin")
    change = {"description": "changed"}
    path = f"{BASE}/wallets/definitions/demo-wallet-v1"
    assert running.call("PATCH", path, change, trader).json["code"] == "FORBIDDEN"
    assert running.call("PATCH", path, change, admin).status == 200
    assert running.call("PATCH", path, change).json == {"message": "Unauthorized"}


def test_taken_port_is_reported_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, said = refused(PORT=port, STATE_DIR=str(tmp_path))
    assert code == 1
    assert said.startswith(f"make run: port {port} cannot be used")
    assert said.count("\n") == 1


def test_taken_state_directory_is_reported_in_one_line(running: LocalRun) -> None:
    code, said = refused(PORT=str(free_port()), STATE_DIR=str(running.state_dir))
    assert code == 1
    assert "is in use by another `make run`" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"PORT": "eighty"}, "PORT must be a whole number"),
        ({"PARAMETERS": "LiveTrading"}, "PARAMETERS must be Name=value"),
        ({"PARAMETERS": "LiveTrading='true"}, "PARAMETERS cannot be read"),
        ({"STATE_DIR": "/dev/null/x"}, "cannot be used"),
        ({"MONGODB_URL": "http://example.com"}, "not a MongoDB connection string"),
        (
            {"MONGODB_URL": "mongodb://u:secret@127.0.0.1:1/?serverSelectionTimeoutMS=1"},
            "no database answers at 127.0.0.1:1",
        ),
    ],
)
def test_invalid_settings_are_reported_in_one_line(tmp_path: Path, variables: dict[str, str], complaint: str) -> None:
    code, said = refused(**{"PORT": str(free_port()), "STATE_DIR": str(tmp_path), **variables})
    assert code == 1
    assert complaint in said
    assert said.count("\n") == 1
    assert "secret" not in said


def put(path: Path, content: bytes | None) -> None:
    """Write a file, or make a folder that is not empty in its place."""
    path.parent.mkdir(exist_ok=True)
    if content is None:
        (path / "inside").mkdir(parents=True)
    else:
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["identity.json", "secrets.json", "signing_key.json"])
def test_broken_file_is_reported_in_one_line(tmp_path: Path, name: str) -> None:
    put(tmp_path / name, b"{")

    code, said = refused(PORT=str(free_port()), STATE_DIR=str(tmp_path))

    assert code == 1
    assert said.startswith(f"make run: {tmp_path / name} cannot be read. ")
    assert said.count("\n") == 1


def test_users_are_restored_from_the_copy_of_the_last_start(stopped: tuple[Path, str]) -> None:
    state, wallet = stopped
    put(state / "identity.json", b"{")
    put(state / "ports.json", b"70000")
    _, said = refused(PORT=str(free_port()), STATE_DIR=str(state))
    assert "copy identity.backup.json over it" in said

    (state / "identity.backup.json").replace(state / "identity.json")
    with local_run(state, WORKERS="1") as run:
        assert run.call("GET", f"{BASE}/wallets/{wallet}", token=run.login()).status == 200


@pytest.mark.parametrize("name", ["lock", "stack.json", "environment", "logs", "mongodb", "logs/aws.log.1"])
def test_folder_or_file_in_the_wrong_place_is_reported_in_one_line(tmp_path: Path, name: str) -> None:
    folders = {"logs", "mongodb"}
    put(tmp_path / name, b"x" if name in folders else None)
    if name == "logs/aws.log.1":
        put(tmp_path / "logs" / "aws.log", b"x")

    code, said = refused(PORT=str(free_port()), STATE_DIR=str(tmp_path))

    assert (code, said.count("\n")) == (1, 1), said
    assert said.startswith("make run: ")


def test_full_disk_is_503_until_there_is_space(stopped: tuple[Path, str]) -> None:
    """The database may not let any file grow, as if the disk were full."""
    state, wallet = stopped
    with local_run(state, WORKERS="1", PARAMETERS="OrdersPerMinute=10000") as run:
        token = run.login()
        database = database_process(run)
        before = resource.prlimit(database, resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))
        answer = place_until_refused(run, token, wallet)
        assert (answer.status, answer.json["code"], answer.json["retryable"]) == (503, "TEMPORARILY_UNAVAILABLE", True)
        assert run.call("GET", f"{BASE}/health").status == 503
        for path in ("wallets", "wallets/definitions", f"wallets/{wallet}/balance"):
            assert run.call("GET", f"{BASE}/{path}", token=token).status == 503

        resource.prlimit(database, resource.RLIMIT_FSIZE, before)
        deadline = time.monotonic() + 30
        while run.call("GET", f"{BASE}/health").status != 200:
            assert time.monotonic() < deadline, "it recovers by itself"
        assert run.call("GET", f"{BASE}/wallets/{wallet}", token=token).status == 200
        assert run.call("POST", f"{BASE}/wallets/{wallet}/orders", ORDER, token).status == 201
        assert run.stop() == 0


def database_process(run: LocalRun) -> int:
    """Return the process id of the embedded database."""
    lines = {child: Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0") for child in run.children()}
    return next(child for child, line in lines.items() if b"local.database" in line)


def place_until_refused(run: LocalRun, token: str, wallet: str) -> Reply:
    """Place orders that take space until one is not accepted, and return its answer."""
    for _ in range(2000):
        answer = run.call("POST", f"{BASE}/wallets/{wallet}/orders", ORDER, token)
        if answer.status != 201:
            return answer
    raise AssertionError("the disk is never full")


def test_broken_template_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources:\n  Api: [unclosed\n")
    code, said = refused(str(tmp_path / "template.yaml"), PORT=str(free_port()), STATE_DIR=str(tmp_path))
    assert code == 2
    assert said.startswith("make run: template.yaml line 3")
    assert said.count("\n") == 1


def moniqo(state: Path, *arguments: str) -> tuple[int, str]:
    """Run the command line with the settings of a running stack."""
    line = f'. {state}/environment; exec {sys.executable} -m moniqo_core.cli "$@"'
    done = subprocess.run(["/bin/sh", "-c", line, "sh", *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")
def test_stranger_who_guesses_passwords_blocks_nobody_else(running: LocalRun) -> None:
    def guess(number: int) -> Reply:
        body = {"email": f"guess{number}@example.com", "password": "guess"}
        stranger = http.client.HTTPConnection("127.0.0.1", running.port, timeout=40, source_address=("127.0.0.2", 0))
        with closing(stranger):
            return exchange(stranger, "POST", f"{BASE}/auth/login", body)

    with ThreadPoolExecutor(8) as threads:
        refused = [answer for answer in threads.map(guess, range(160)) if answer.status == 429]

    assert running.login()
    assert {answer.json["code"] for answer in refused} == {"RATE_LIMIT_EXCEEDED"}, "the gateway's limit has no code"
    assert len(refused) == 60


def test_keys_command_shows_and_rotates_keys_from_a_shell(running: LocalRun) -> None:
    state = running.state_dir
    assert (state / "environment").stat().st_mode & 0o777 == 0o600
    code, text = moniqo(state, "keys", "status")
    assert (code, [line.split()[-2:] for line in text.splitlines()[1:]]) == (0, [["use", "0"]]), (
        "a run begins with a key"
    )
    code, text = moniqo(state, "keys", "rotate", "--local", "--no-wait")
    assert (code, text) == (0, "The ring has a new key. It will be used in 10 minutes.\n")
    code, text = moniqo(state, "keys", "status")
    assert code == 0
    assert [line.split()[-2] for line in text.splitlines()[1:]] == ["use", "next"]
