"""Every metric, the parts it has and which of them gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


#: Every metric and the parts it may have; the first named part that exists gates, see GATING.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "error": ("mae", "rmse", "max_abs", "cosine", "top1"),
    "latency": ("invoke", "walk", "spread"),
    "flash": ("total", "weights", "kernels", "engine", "model", "startup_libc"),
    "ram": ("total", "data", "bss", "arena", "stack"),
}

#: The parts that decide a metric's verdict; the others only explain it. Lower is better in each.
GATING: Final[Mapping[str, tuple[str, ...]]] = {
    "error": ("mae",),
    "latency": ("invoke",),
    "flash": ("total",),
    "ram": ("total", "arena"),
}
