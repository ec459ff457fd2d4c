"""The diagram of the rooms matches the imports."""

from __future__ import annotations

from graphlib import CycleError
from xml.etree import ElementTree as ET

import pytest

from scripts import rooms
from scripts.diagram import PICTURE, render
from scripts.rooms import House, Room, read_house

SMALL = House(
    "package",
    (
        (Room("edge", "Speaks HTTP"), Room("cli", "Speaks & <writes>")),
        (Room("services", ""),),
        (Room("domain", "Rules", (("paper", "live"), ("orders",)), ("money",)),),
    ),
    (("cli", "domain"), ("edge", "services"), ("services", "domain")),
    ("config",),
    ("prepare",),
)


def test_diagram_matches_the_imports() -> None:
    assert PICTURE.read_text(encoding="utf-8") == render(read_house()), "run: make diagram"


def test_diagram_has_every_top_level_module() -> None:
    house = read_house()
    named = {room.name for layer in house.layers for room in layer} | {*house.shared, *house.programs}
    top = rooms.SOURCES / house.package
    found = {path.stem for path in top.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert named == (found - {"__init__"}) | {rooms.FUNCTIONS}


def test_arrows_point_down() -> None:
    house = read_house()
    depth = {room.name: number for number, layer in enumerate(house.layers) for room in layer}
    assert len(house.arrows) >= len(depth) - 1
    assert [arrow for arrow in house.arrows if depth[arrow[0]] >= depth[arrow[1]]] == []


def test_implied_arrow_is_left_out() -> None:
    imports = {"edge": {"services", "domain"}, "services": {"domain"}, "cli": {"domain"}, "domain": set()}
    assert rooms.reduced(imports) == (("cli", "domain"), ("edge", "services"), ("services", "domain"))


def test_package_is_right_of_all_its_importers() -> None:
    imports = {"paper": {"orders", "market"}, "live": {"orders"}, "orders": {"market"}, "market": set()}
    assert rooms.columns_of(imports) == (("live", "paper"), ("orders",), ("market",))


def test_import_cycle_is_refused() -> None:
    with pytest.raises(CycleError):
        rooms.columns_of({"paper": {"live"}, "live": {"paper"}})


def test_diagram_shows_every_name() -> None:
    drawn = ET.fromstring(render(SMALL))
    texts = [element.text for element in drawn.iter() if element.tag.endswith("}text")]
    for name in ("edge", "cli", "services", "domain", "paper", "live", "orders", "money", "Speaks & <writes>"):
        assert name in texts
    assert "Outside the layers, shared: config" in texts


def test_arrow_past_a_layer_goes_around_it() -> None:
    drawn = [line for line in render(SMALL).splitlines() if 'class="arrow"' in line]
    assert len(drawn) == len(SMALL.arrows)
    assert sum("H" in line.partition('d="')[2] for line in drawn) == 1
