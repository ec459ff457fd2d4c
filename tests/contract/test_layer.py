"""The deployed layers: every binary is for the Lambda runtime, whatever machine built it, and they stay small."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import grimp
import pytest

from benchmarks.instructions_probe import import_path
from moniqo_core.venues.exchanges.registry import VENUES
from tests.support.lambda_runtime import make_runtime
from tests.support.layer import ROOT, build

ELF_AARCH64 = 0xB7
EXTENSION = re.compile(r"\.(cpython-313-aarch64-linux-gnu|abi3)\.so$")
# The build for the host carries bytecode. The build for Lambda does where its Python is installed.
LIMIT_BYTES = {
    ("core", "aarch64"): 32_000_000,
    ("core", "host"): 43_000_000,
    ("exchanges", "aarch64"): 20_000_000,
    ("exchanges", "host"): 20_000_000,
}
LAYERS = sorted({layer for layer, _ in LIMIT_BYTES})
LAMBDA_LIMIT_BYTES = 250_000_000
IMPORT_ALL = """
import importlib, pkgutil, sys
for found in pkgutil.walk_packages([sys.argv[1]], onerror=print):
    try:
        importlib.import_module(found.name)
    except ImportError as error:
        print(found.name, error)
"""
MAKE_ONE = """
import sys
from moniqo_core.domain.wallets.definition import ApiConfig
from moniqo_core.venues.connection import VenueConnection
from moniqo_core.venues.exchanges.registry import venue_of
venue = venue_of(sys.argv[1])
connection = VenueConnection(venue, ApiConfig(base_url=f"https://{min(venue.hosts)}"))
connection.client_model()
prefix = "ccxt.async_support."
print(*(name.removeprefix(prefix) for name in sys.modules if name.startswith(prefix) and ".base" not in name))
"""
FIND = """
import moniqo_core
from importlib.util import find_spec
print(moniqo_core.__file__, find_spec("pydantic.v1"), find_spec("pytest"))
"""
MAKE_MODEL = """
import sys
import moniqo_core.http
from pydantic import create_model
create_model("Order", amount=int)(amount=1)
print("plugin_of_pydantic" in sys.modules)
"""
FIND_BY_DNS = """
import asyncio, socket, threading
import dns.asyncresolver, dns.message, dns.rrset
from pymongo.asynchronous.uri_parser import parse_uri

ANSWERS = {"SRV": ["0 0 27017 one.cluster.example.com."], "TXT": ['"authSource=admin&replicaSet=rs"']}

def answer(server):
    while True:
        question, caller = server.recvfrom(4096)
        message = dns.message.make_response(dns.message.from_wire(question))
        name, kind = message.question[0].name, dns.rdatatype.to_text(message.question[0].rdtype)
        message.answer = [dns.rrset.from_text(name, 60, "IN", kind, *ANSWERS[kind])]
        # Of a kind that was left out.
        message.additional = [dns.rrset.from_text(name, 60, "IN", "CAA", "\\\\# 2 0000")]
        server.sendto(message.to_wire(), caller)

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
threading.Thread(target=answer, args=(server,), daemon=True).start()
resolver = dns.asyncresolver.default_resolver = dns.asyncresolver.Resolver(configure=False)
resolver.nameservers, resolver.port = ["127.0.0.1"], server.getsockname()[1]
found = asyncio.run(parse_uri("mongodb+srv://cluster.example.com/moniqo"))
print(found["nodelist"], found["options"]["replicaSet"])
"""
EXCHANGES = {place.partition(":")[0]: slug for slug, place in VENUES.items()}
LOCKS = [*sorted((ROOT / "layers").glob("*/requirements.txt")), *sorted((ROOT / "requirements").glob("*.txt"))]


@pytest.fixture(scope="module", params=LAYERS)
def deployed(request: pytest.FixtureRequest) -> Path:
    return build("aarch64", request.param) / "python"


def binaries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF")


def test_every_binary_is_built_for_the_runtime(deployed: Path) -> None:
    found = binaries(deployed)
    assert found
    for path in found:
        assert EXTENSION.search(path.name), path
        assert int.from_bytes(path.read_bytes()[18:20], "little") == ELF_AARCH64, path


def test_core_layer_has_the_package_and_nothing_the_runtime_provides() -> None:
    deployed = build("aarch64") / "python"
    assert (deployed / "moniqo_core" / "bootstrap" / "__init__.py").is_file()
    names = {path.name for path in deployed.iterdir()}
    assert not names & {"boto3", "botocore", "bin", "moniqo_core.egg-info", "secantus", "moto", "ccxt", "aiohttp"}


def test_exchanges_layer_repeats_nothing_of_the_core_layer() -> None:
    core, exchanges = ({path.name for path in (build("host", name) / "python").iterdir()} for name in LAYERS)
    assert not core & exchanges - {"__pycache__"}
    trimmed = build("host", "exchanges") / "python" / "ccxt" / "async_support"
    assert {path.stem for path in trimmed.glob("*.py")} == set(EXCHANGES)


@pytest.mark.parametrize(("layer", "platform"), list(LIMIT_BYTES))
def test_layer_stays_below_its_size_limit(
    layer: str, platform: str, record_property: Callable[[str, object], None]
) -> None:
    size = size_of(platform, layer)
    record_property(f"Layer {layer} for {platform}, unzipped", f"{size / 1e6:.1f} MB")
    assert size <= LIMIT_BYTES[layer, platform]


def test_both_layers_fit_into_the_lambda_size_limit() -> None:
    assert sum(size_of("aarch64", layer) for layer in LAYERS) <= LAMBDA_LIMIT_BYTES


def size_of(platform: str, layer: str) -> int:
    folder = build(platform, layer) / "python"
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("exchange", sorted(EXCHANGES))
def test_exchange_works_with_the_trimmed_library(exchange: str, tmp_path: Path) -> None:
    """Create and close a client of the exchange. CCXT's synchronous code and the other exchanges are not imported."""
    layers = [build("host", name) / "python" for name in LAYERS]
    done = subprocess.run(
        [sys.executable, "-S", "-W", "ignore", "-c", MAKE_ONE, EXCHANGES[exchange]],
        env={"PYTHONPATH": os.pathsep.join(map(str, layers)), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [exchange]


def test_core_layer_ships_the_modules_that_functions_import() -> None:
    """Modules that only operators and ``make`` import are left out. The registry imports venues by their names."""
    package = build("host") / "python" / "moniqo_core"
    shipped = {name_of(path.relative_to(package.parent)) for path in package.rglob("*.py")}
    graph = grimp.build_graph("moniqo_core", cache_dir=None)
    venues = {f"moniqo_core.venues.exchanges.{place.partition(':')[0]}" for place in VENUES.values()}
    assert shipped == needed(graph, imported_by_functions(graph) | venues)


def name_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imported_by_functions(graph: grimp.ImportGraph) -> set[str]:
    found = set()
    for path in (ROOT / "functions").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{item.name}" for item in node.names)}
            elif isinstance(node, ast.Import):
                found |= {item.name for item in node.names}
    return found & graph.modules


def needed(graph: grimp.ImportGraph, start: Iterable[str]) -> set[str]:
    """The modules of ``start``, all that they import, and the packages around them."""
    found: set[str] = set()
    remaining = list(start)
    while remaining:
        module = remaining.pop()
        if module and module not in found:
            found.add(module)
            remaining += [module.rpartition(".")[0], *graph.find_modules_directly_imported_by(module)]
    return found


def test_no_module_of_the_layer_needs_a_removed_module(tmp_path: Path) -> None:
    """The sample events do not cover all late imports, for example a database address in DNS."""
    layer = build("host") / "python"
    path = f"{layer}{os.pathsep}{make_runtime(tmp_path)}"
    command = [sys.executable, "-S", "-W", "ignore", "-c", IMPORT_ALL, str(layer)]
    done = subprocess.run(
        command,
        env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "AWS_DEFAULT_REGION": "eu-central-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_instructions_of_an_order_are_counted_with_what_lambda_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a comparison would count imports of modules that no deployment has."""
    monkeypatch.chdir(ROOT)
    places = import_path(tmp_path)
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-c", FIND],
        env={"PYTHONPATH": places, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [str(build("host") / "python" / "moniqo_core" / "__init__.py"), "None", "None"]


@pytest.mark.parametrize(("chosen", "is_loaded"), [({}, False), ({"PYDANTIC_DISABLE_PLUGINS": "another"}, True)])
def test_functions_look_for_plugins_of_pydantic_only_if_told_to(
    chosen: dict[str, str], is_loaded: bool, tmp_path: Path
) -> None:
    """Looking for them opens the metadata of every package at every cold start."""
    (tmp_path / "plugin_of_pydantic.py").write_text("def new_schema_validator(*_): return None, None, None")
    metadata = tmp_path / "plugin_of_pydantic-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin-of-pydantic\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[pydantic]\nfound = plugin_of_pydantic\n")
    path = os.pathsep.join(map(str, (build("host") / "python", tmp_path)))
    done = subprocess.run(
        [sys.executable, "-S", "-W", "ignore", "-c", MAKE_MODEL],
        env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **chosen},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == str(is_loaded), done.stderr


def test_mongodb_srv_address_resolves_with_the_trimmed_dns_library() -> None:
    """As Atlas names its clusters. Most record types are removed, and the DNS response contains a removed one."""
    done = subprocess.run(
        [sys.executable, "-S", "-W", "ignore", "-c", FIND_BY_DNS],
        env={"PYTHONPATH": str(build("host") / "python"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == "[('one.cluster.example.com', 27017)] rs"


def test_no_requirement_depends_on_the_building_python() -> None:
    """Pip evaluates a marker with its own Python version and ignores --python-version, so the result could be wrong."""
    lock = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "layers").glob("*/requirements.txt"))
    assert not re.findall(r"python_(?:full_)?version|sys_platform|platform_machine", lock)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_requirement_is_pinned_by_hash_without_an_index(lock: Path) -> None:
    lines = [line for line in lock.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    entries = "\n".join(lines).replace("\\\n", "").splitlines()
    assert entries
    for entry in entries:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==[\w.+-]+ .*--hash=sha256:[0-9a-f]{64}", entry), entry
        assert "://" not in entry, entry
