"""Reads what Edge Impulse's Python SDK prints of a profile; its service estimates, nothing runs.

Written after the SDK's source, version 1.0.20 (``edgeimpulse.model.profile(...).summary()``), and
the schema ``ProfileModelInfo`` of its API (https://docs.edgeimpulse.com/apis/studio); the service
itself was never asked. ``edge-impulse-linux-runner`` runs an .eim file on Linux: it tells nothing
about a microcontroller (https://docs.edgeimpulse.com/docs/run-inference/linux-eim-executable).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final

from pytest_tinyquant.boards.vendor.parser import ReportParser
from pytest_tinyquant.boards.vendor.report import ToolReport
from pytest_tinyquant.boards.vendor.report import ToolRun
from pytest_tinyquant.boards.vendor.report import Unreadable
from pytest_tinyquant.boards.vendor.report import parse_object
from pytest_tinyquant.boards.vendor.report import real
from pytest_tinyquant.boards.vendor.report import size
from pytest_tinyquant.boards.vendor.report import whole
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.metrics.built_in import FLASH
from pytest_tinyquant.metrics.built_in import LATENCY
from pytest_tinyquant.metrics.built_in import RAM
from pytest_tinyquant.metrics.metric import Metric


_RESULT: Final = re.compile(r"^Target results for (\w+):\n=+\n(\{.*?^\})", re.M | re.S)
_MEMORY: Final = "eon"
_RAM: Final = "ram"
_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class EdgeImpulse(ReportParser):
    """Edge Impulse's profiler, for one of its devices."""

    def read(self, run: ToolRun) -> ToolReport:
        """Return flash, RAM and time as the service estimates them, with its EON Compiler."""
        found = _RESULT.findall("\n".join(run.said.values()))
        if len(found) != 1:
            raise Unreadable(
                f"it printed {len(found)} results for a device, expected 1 ('Target results for')"
            )
        ((variant, text),) = found
        data = parse_object(text, "the profile")
        if data.get("isSupportedOnMcu") is False:
            reason = str(data.get("mcuSupportError") or "no reason given")
            raise UnsupportedModelError(
                f"Edge Impulse does not run this model on a microcontroller: {reason}",
                reason=reason,
            )
        memory = data.get("memory")
        part = memory.get(_MEMORY) if isinstance(memory, dict) else None
        if not isinstance(part, dict):
            raise Unreadable(f"the profile has no memory.{_MEMORY}")
        return ToolReport("", _figures(data, part), remark=f"{variant}, with the EON Compiler")


def _figures(data: Mapping[str, Any], memory: Mapping[str, Any]) -> dict[str, Mapping[str, Metric]]:
    """Return the figures that the profile has."""
    figures: dict[str, Mapping[str, Metric]] = {
        FLASH.name: {"total": size(whole(memory.get("rom"), "memory.eon.rom"), "estimated")},
        RAM.name: {"total": size(whole(memory.get(_RAM), "memory.eon.ram"), "estimated")},
    }
    if data.get("hasPerformance", True) and data.get("timePerInferenceMs") is not None:
        milliseconds = real(data["timePerInferenceMs"], "timePerInferenceMs")
        number = Metric(round(milliseconds * _NS_PER_MS), "ns", "estimated")
        figures[LATENCY.name] = {"invoke": number}
    return figures


EDGE_IMPULSE: Final = EdgeImpulse(
    name="edge-impulse",
    title="Edge Impulse",
    known="1.0.20 of its Python SDK",
    install="pip install edgeimpulse, and set EI_API_KEY to the key of a project",
    complaint=re.compile(r"^(?:edgeimpulse\S*|\w+)\.?(?:Exception|Error): (.*)$", re.M),
    refusal=re.compile(r"(?!)"),
)
