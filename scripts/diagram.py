"""Write the picture of the rooms, docs/concepts/rooms.svg: ``python -m scripts.diagram [FILE]``."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from scripts.rooms import FUNCTIONS, ROOT, House, Room, read_house

PICTURE: Final = ROOT / "docs" / "concepts" / "rooms.svg"

# Lengths are in pixels. Readers have different fonts, so the width of a character is an upper estimate.
WIDTH: Final = 960
MARGIN: Final = 20
GAP: Final = 32
BESIDE: Final = 12
PADDING: Final = 14
LINE: Final = 17
CHIP: Final = 24
CHIP_GAP: Final = 6
COLUMN_GAP: Final = 22
LANE: Final = 14
BOLD: Final = 8.2
PLAIN: Final = 6.6
STYLE: Final = """
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #0f172a; }
.room { fill: #dcfce7; stroke: #475569; }
.functions { fill: #e0f2fe; stroke: #475569; }
.domain { fill: #bbf7d0; stroke: #475569; }
.outside { fill: #fff; stroke: #94a3b8; stroke-dasharray: 4 3; }
.package { fill: #fff; stroke: #64748b; }
.title { font-size: 14px; font-weight: 600; }
.name { font-size: 12px; font-weight: 600; text-anchor: middle; }
.text { font-size: 12px; fill: #0f172a; }
.modules { font-size: 12px; fill: #475569; }
.arrow { fill: none; stroke: #475569; stroke-width: 1.5; marker-end: url(#tip); }
.right { fill: none; stroke: #64748b; stroke-width: 1.5; }
"""
TIP: Final = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 8 4 0 8z" fill="#475569"/></marker></defs>'
)
CAPTION: Final = (
    "An arrow is an import. A room may also import every room that a chain of arrows leads to.",
    "White boxes are packages of a room. Of these, each imports only those to its right.",
)


@dataclass(frozen=True, slots=True)
class Box:
    """Where something is drawn."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height


def render(house: House) -> str:
    """Return the picture. The same rooms give the same picture."""
    depth = {room.name: number for number, layer in enumerate(house.layers) for room in layer}
    around = [(source, target) for source, target in house.arrows if depth[target] > depth[source] + 1]
    boxes = _place(house, WIDTH - 2 * MARGIN - LANE * len(around))
    parts = [part for layer in house.layers for room in layer for part in _draw_room(room, boxes[room.name])]
    for source, target in house.arrows:
        if (source, target) not in around:
            parts.append(_straight(boxes[source], boxes[target]))
    parts += [_around(boxes[source], boxes[target], number) for number, (source, target) in enumerate(around)]
    bottom = max(box.bottom for box in boxes.values()) + BESIDE
    for title, names in (("Outside the layers, shared", house.shared), ("Programs for developers", house.programs)):
        box = Box(MARGIN, bottom, WIDTH - 2 * MARGIN - LANE * len(around), LINE + PADDING)
        parts += [
            _rectangle(box, "outside"),
            _text(box.x + PADDING, box.y + 20, "text", f"{title}: {', '.join(names)}"),
        ]
        bottom = box.bottom + CHIP_GAP
    for line in CAPTION:
        bottom += LINE
        parts.append(_text(MARGIN, bottom, "text", line))
    return _document(f"The rooms of {house.package} and their imports", round(bottom + LINE), parts)


def _place(house: House, width: float) -> dict[str, Box]:
    """Return the place of each room. Layers are drawn below each other, and the rooms of a layer next to each other."""
    boxes: dict[str, Box] = {}
    top = float(MARGIN)
    for layer in house.layers:
        each = (width - BESIDE * (len(layer) - 1)) / len(layer)
        height = max(_height(room, each) for room in layer)
        for number, room in enumerate(layer):
            boxes[room.name] = Box(MARGIN + number * (each + BESIDE), top, each, height)
        top += height + GAP
    return boxes


def _height(room: Room, width: float) -> float:
    lines = len(_wrapped(room.summary, width)) + len(_wrapped(", ".join(room.modules), width))
    packages = max((len(column) for column in room.columns), default=0)
    return PADDING + LINE * (1 + lines) + (CHIP + CHIP_GAP) * packages + (CHIP_GAP if packages else 0)


def _draw_room(room: Room, box: Box) -> Iterator[str]:
    yield _rectangle(box, room.name if room.name in {FUNCTIONS, "domain"} else "room")
    left, top = box.x + PADDING, box.y + 22
    yield _text(left, top, "title", room.name)
    for line in _wrapped(room.summary, box.width):
        top += LINE
        yield _text(left, top, "text", line)
    if room.columns:
        yield from _draw_columns(room, left, top + CHIP_GAP + 4)
        top += CHIP_GAP + (CHIP + CHIP_GAP) * max(map(len, room.columns))
    for line in _wrapped(", ".join(room.modules), box.width):
        top += LINE
        yield _text(left, top, "modules", line)


def _draw_columns(room: Room, left: float, top: float) -> Iterator[str]:
    tallest = max(map(len, room.columns))
    middle = top + (tallest * (CHIP + CHIP_GAP) - CHIP_GAP) / 2
    for number, column in enumerate(room.columns):
        if number:
            yield f'<path d="M{left - 14:g} {middle - 5:g}l6 5-6 5" class="right"/>'
        width = max(map(len, column)) * BOLD + 12
        y = middle - (len(column) * (CHIP + CHIP_GAP) - CHIP_GAP) / 2
        for name in column:
            yield _rectangle(Box(left, y, width, CHIP), "package")
            yield _text(left + width / 2, y + 16, "name", name)
            y += CHIP + CHIP_GAP
        left += width + COLUMN_GAP


def _straight(source: Box, target: Box) -> str:
    x = (max(source.x, target.x) + min(source.right, target.right)) / 2
    return f'<path d="M{x:g} {source.bottom:g}V{target.y - 2:g}" class="arrow"/>'


def _around(source: Box, target: Box, number: int) -> str:
    """Draw an arrow that passes the layers in between on their right."""
    lane = WIDTH - MARGIN - LANE * number
    start, end = source.right - 40 - LANE * number, target.right - 40 - LANE * number
    return (
        f'<path d="M{start:g} {source.bottom:g}v{GAP / 2 - 6:g}H{lane:g}V{target.y - GAP / 2 - 4:g}H{end:g}'
        f'V{target.y - 2:g}" class="arrow"/>'
    )


def _wrapped(text: str, width: float) -> list[str]:
    return textwrap.wrap(text, int((width - 2 * PADDING) / PLAIN))


def _rectangle(box: Box, kind: str) -> str:
    return (
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" '
        f'rx="{4 if kind == "package" else 8}" class="{kind}"/>'
    )


def _text(x: float, y: float, kind: str, text: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}">{escape(text)}</text>'


def _document(title: str, height: int, parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">'
    )
    background = f'<rect width="{WIDTH}" height="{height}" fill="#f8fafc"/>'
    return "\n".join([head, f"<style>{STYLE}</style>", TIP, background, *parts, "</svg>\n"])


def main(arguments: list[str]) -> int:
    """Write the picture."""
    target = Path(arguments[0]) if arguments else PICTURE
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(render(read_house()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
