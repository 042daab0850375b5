"""The figures as a table of docs/ethos-u.md, beside those that others published."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final

from experiments.ethos_u.networks import NETWORKS
from experiments.ethos_u.networks import VARIANTS


FIGURES_FILE: Final = Path(__file__).with_name("figures.json")
PAGE: Final = Path("docs/ethos-u.md")

Figures = Mapping[str, int]
Found = Mapping[str, Mapping[str, Figures]]
"""Figures by network and change of the weights."""

#: What others published of these networks: (what, their figure, the row and column it lies beside).
#: Their weights are trained, ours drawn. How the compressed file was made, and which row the cycles
#: of the guide belong to, is not known.
PUBLISHED: Final = (
    ("DS-CNN-L, gzip of the int8 file", 434_879, "tensorflow/model-optimization #568",
     "DS-CNN-L", "int8", "gzip"),
    ("DS-CNN-L, gzip of the compressed file", 334_154, "tensorflow/model-optimization #568",
     "DS-CNN-L", "clustered", "gzip"),
    ("DS-CNN-L, cycles", 582_973, "a guide of Arm, row unknown",
     "DS-CNN-L", "pruned", "cycles High-End"),
    ("MobileNetV2, cycles", 7_345_741, "Arm's ML evaluation kit, on the simulator",
     "MobileNetV2", "int8", "cycles High-End"),
)  # fmt: skip

_COLUMNS: Final = {
    "gzip": "gzip of the file",
    "encoded": "weights as encoded",
    "cycles High-End": "cycles, High-End",
    "cycles Deep-Embedded": "Deep-Embedded",
    "cycles Sram_Only": "Sram_Only",
}
_MARKED: Final = re.compile(r"(<!-- experiment -->\n).*?(<!-- end -->)", re.DOTALL)


def read_figures(file: Path = FIGURES_FILE) -> dict[str, Any]:
    """Return what the last measurement wrote: ``vela`` and ``networks``."""
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def tables(found: Found) -> str:
    """Return the figures, and the published ones beside them, as two Markdown tables."""
    rows = [["network", "weights", *_COLUMNS.values()], ["---"] * (2 + len(_COLUMNS))]
    for network in NETWORKS:
        for name, variant in VARIANTS.items():
            figures = found[network][name]
            rows.append([network, variant.title, *(f"{figures[key]:,}" for key in _COLUMNS)])
    beside = [["published", "theirs", "by", "ours", "row"], ["---"] * 5]
    for what, theirs, source, network, name, column in PUBLISHED:
        ours = found[network][name][column]
        beside.append(
            [what, f"{theirs:,}", source, f"{ours:,} ({ours / theirs - 1:+.1%})",
             VARIANTS[name].title]
        )  # fmt: skip
    return f"{_lines(rows)}\n\n{_lines(beside)}\n"


def _lines(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def filled(text: str, found: Found) -> str:
    """Return the page with the tables of these figures.

    :raises ValueError: the page has no place for them.
    """
    if not _MARKED.search(text):
        raise ValueError(f"{PAGE} has no lines '<!-- experiment -->' and '<!-- end -->'")
    return _MARKED.sub(lambda marks: f"{marks[1]}{tables(found)}{marks[2]}", text)
