"""What Vela says of the networks, and of their files what a compressed update would take."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from experiments.ethos_u.networks import tflite
from pytest_tinyquant.boards.npu.vela import Vela
from pytest_tinyquant.boards.npu.vela import version
from pytest_tinyquant.models.weights import gzip_bytes
from pytest_tinyquant.project.npu import Npu


#: Systems around an Ethos-U55-128 by what the table calls them: (system, memory mode).
SYSTEMS: Final[Mapping[str, tuple[str, str]]] = {
    "High-End": ("Ethos_U55_High_End_Embedded", "Shared_Sram"),
    "Deep-Embedded": ("Ethos_U55_Deep_Embedded", "Shared_Sram"),
    "Sram_Only": ("Ethos_U55_High_End_Embedded", "Sram_Only"),
}
_TIMEOUT: Final = 300.0

Figures = dict[str, int]
"""Of one file: its size, its weights, and the cycles on each system."""


def measure(network: str, variant: str) -> Figures:
    """Return the figures of one network with one change of its weights."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "model.tflite"
        data = tflite(network, variant)
        file.write_bytes(data)
        found: Figures = {"file": len(data), "gzip": gzip_bytes(data)}
        for title, (system, memory) in SYSTEMS.items():
            npu = Npu("ethos-u55-128", system, memory)
            where = f"{network}, {variant}, {title}"
            work = Path(directory) / title
            work.mkdir()
            estimate = Vela(where, npu, _TIMEOUT).estimate(file, work, where=where)
            found[f"cycles {title}"] = estimate.cycles
            found.setdefault("weights", estimate.weights_before)
            found.setdefault("encoded", estimate.weights_after)
        return found


__all__ = ["SYSTEMS", "Figures", "measure", "version"]
