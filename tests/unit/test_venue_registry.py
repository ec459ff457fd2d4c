"""A venue is one file, one line of the registry, one definition, one fake: what names a venue agrees with the rest."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from moniqo_core.storage.wallets.definition_seeds import SEEDS
from moniqo_core.venues import exchanges
from moniqo_core.venues.exchanges.registry import VENUES, venue_of
from tests.support.venues.fakes import FAKES

ROOT = Path(__file__).parents[2]
SHARED = {"__init__", "registry", "venue", "refusals", "rows"}
FILES = {path.stem for path in Path(exchanges.__path__[0]).glob("*.py")} - SHARED
MODULES = {name for name in FILES if not name.endswith("_codes")}
EXCHANGES = {place.partition(":")[0] for place in VENUES.values()}


def test_every_venue_file_is_registered() -> None:
    assert MODULES == EXCHANGES
    assert {f"{exchange}_codes" for exchange in EXCHANGES} == FILES - MODULES


@pytest.mark.parametrize("slug", VENUES)
def test_registered_class_names_its_ccxt_module(slug: str) -> None:
    assert venue_of(slug).exchange == VENUES[slug].partition(":")[0]


def test_unregistered_definition_has_no_venue() -> None:
    with pytest.raises(KeyError):
        venue_of("demo-wallet-v1")


def test_every_definition_with_an_address_has_a_venue() -> None:
    assert {seed.slug for seed in SEEDS if seed.api_config is not None} == set(VENUES)


def test_exchanges_layer_keeps_the_registered_ccxt_exchanges() -> None:
    makefile = (ROOT / "layers/exchanges/Makefile").read_text()
    (names,) = re.findall(r"^EXCHANGES := (.+)$", makefile, re.MULTILINE)
    assert names.split() == sorted(EXCHANGES)


def test_every_venue_has_a_fake() -> None:
    assert set(FAKES) == EXCHANGES


def test_registry_imports_a_venue_on_demand() -> None:
    code = (
        "import sys\n"
        "from moniqo_core.venues.exchanges.registry import venue_of\n"
        "before = [name for name in sys.modules if name.startswith('moniqo_core.venues.exchanges.')]\n"
        "venue_of('kraken-spot-v1')\n"
        "after = [name for name in sys.modules if name.endswith(('.kraken', '.binance'))]\n"
        "print(*before, *after, 'ccxt' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "moniqo_core.venues.exchanges.registry",
        "moniqo_core.venues.exchanges.kraken",
        "False",
    ]
