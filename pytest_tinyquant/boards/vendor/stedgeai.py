"""Reads what ST Edge AI Core reports: JSON for sizes, its text for time and for older versions.

Written after its documentation and after reports and logs of versions 2.0, 2.2 and 3.0 that others
published; the tool itself was never seen here.

- command line: https://stedgeai-dc.st.com/assets/embedded-docs/command_line_interface.html
- ``network_c_info.json``: https://stedgeai-dc.st.com/assets/embedded-docs/api_output_c_info.html
- ``validate``: https://stedgeai-dc.st.com/assets/embedded-docs/evaluation_metrics.html
- texts of 2.0: github.com/STMicroelectronics/st-mems-ispu, ``tutorials/st_edge_ai_pytorch``
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.boards.vendor.parser import ReportParser
from pytest_tinyquant.boards.vendor.report import ToolReport
from pytest_tinyquant.boards.vendor.report import ToolRun
from pytest_tinyquant.boards.vendor.report import Unreadable
from pytest_tinyquant.boards.vendor.report import encoded
from pytest_tinyquant.boards.vendor.report import parse_object
from pytest_tinyquant.boards.vendor.report import read_report
from pytest_tinyquant.boards.vendor.report import real
from pytest_tinyquant.boards.vendor.report import size
from pytest_tinyquant.boards.vendor.report import whole
from pytest_tinyquant.metrics.built_in import FLASH
from pytest_tinyquant.metrics.built_in import LATENCY
from pytest_tinyquant.metrics.built_in import MACC
from pytest_tinyquant.metrics.built_in import RAM
from pytest_tinyquant.metrics.metric import Metric


if TYPE_CHECKING:
    from pathlib import Path

    Figures = dict[str, Mapping[str, Metric]]

_MACS: Final = "MACs"
_MACC: Final = "macc"
_TOOL: Final = "ST.EdgeAI.Core"
_NUMBER: Final = r"(\d[\d,]*)"
_VERSION: Final = re.compile(r"^\s*ST Edge AI Core v(\S+)", re.M)

#: The sizes of ``memory_footprint``: what the generated file holds, and the library beside it.
_BUFFERS: Final = ("weights", "activations")
_LIBRARY: Final = ("kernel_flash", "toolchain_flash", "kernel_ram", "toolchain_ram")

_REMARK: Final = (
    "weights and activations are those of the generated code; the library's share is the tool's "
    "estimate, without your program"
)
_ON_BOARD: Final = re.compile(r"\bmode=TARGET\b|^\s*TARGET c-model\b", re.M)
_ON_HOST: Final = re.compile(r"\bmode=HOST\b|^\s*HOST c-model\b", re.M)
_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class StEdgeAi(ReportParser):
    """ST Edge AI Core, which X-CUBE-AI and STM32Cube AI Studio call as well."""

    def read(self, run: ToolRun) -> ToolReport:
        """Return sizes, multiply-accumulates, and from ``validate`` time and outputs."""
        said = "\n".join(run.said.values())
        info = run.one_file("*_c_info.json")
        if info is not None:
            version, figures = _from_json(parse_object(read_report(info), info.name), said)
        else:
            version, figures = _from_text(said)
        outputs: tuple[bytes, ...] = ()
        if "validate" in run.said:
            if run.measures:
                figures[LATENCY.name] = {"invoke": _latency(run.said["validate"])}
            outputs = _outputs(run)
        return ToolReport(version, figures, outputs, _REMARK)


def _from_json(data: Mapping[str, Any], said: str) -> tuple[str, Figures]:
    """Return version and figures from ``network_c_info.json``.

    ``analyze`` writes it before it knows the library's size, which then stands in the text alone.
    """
    footprint = data.get("memory_footprint")
    if not isinstance(footprint, dict):
        raise Unreadable(
            "network_c_info.json has no table memory_footprint (json_schema_version "
            f"{data.get('json_schema_version', 'missing')})"
        )
    sizes = {key: whole(footprint.get(key), f"memory_footprint.{key}") for key in _BUFFERS}
    if any(key in footprint for key in _LIBRARY):
        library = [whole(footprint.get(key), f"memory_footprint.{key}") for key in _LIBRARY]
        kernels, libc, library_ram = library[0], library[1], library[2] + library[3]
    else:
        (kernels, library_ram), libc = _library(said), 0
    buffers = footprint.get("io", [])
    if not isinstance(buffers, list):
        raise Unreadable(f"memory_footprint.io is {buffers!r}, expected a list")
    io = sum(whole(each, "memory_footprint.io") for each in buffers)
    figures = _sizes(
        sizes["weights"],
        sizes["activations"] + io,
        (kernels, libc),
        library_ram,
    )
    macc = _macc_of(data.get("graphs"))
    if macc is not None:
        figures[MACC.name] = {"total": macc}
    return _version_of(data.get("environment")), figures


def _version_of(environment: object) -> str:
    """Return the tool's version; empty where the report names none."""
    tools = environment.get("tools") if isinstance(environment, dict) else None
    for tool in tools if isinstance(tools, list) else []:
        if isinstance(tool, dict) and tool.get("name") == _TOOL:
            return str(tool.get("version", ""))
    return ""


def _macc_of(graphs: object) -> Metric | None:
    """Return the multiply-accumulates of all nodes; None where a node does not say."""
    nodes = [
        node
        for graph in (graphs if isinstance(graphs, list) else [])
        if isinstance(graph, dict)
        for node in graph.get("nodes", ())
    ]
    if not nodes or not all(isinstance(node, dict) and _MACC in node for node in nodes):
        return None
    return Metric(sum(whole(node[_MACC], _MACC) for node in nodes), _MACS, "exact")


def _from_text(said: str) -> tuple[str, Figures]:
    """Return version and figures from the summary that ``analyze`` prints."""
    found = {
        key: re.search(pattern, said, re.M)
        for key, pattern in {
            "weights": rf"^\s*weights \(ro\)\s*:\s*{_NUMBER} B",
            "buffers": rf"^\s*ram \(total\)\s*:\s*{_NUMBER} B",
            "operations": rf"^\s*macc\s*:\s*{_NUMBER}\s*$",
        }.items()
    }
    weights, ram = found["weights"], found["buffers"]
    if weights is None or ram is None:
        raise Unreadable("it wrote no network_c_info.json and printed no 'weights (ro)'")
    kernels, library_ram = _library(said)
    figures = _sizes(_count(weights[1]), _count(ram[1]), (kernels, 0), library_ram)
    if found["operations"] is not None:
        figures[MACC.name] = {"total": Metric(_count(found["operations"][1]), _MACS, "exact")}
    version = _VERSION.search(said)
    return version[1] if version else "", figures


def _library(said: str) -> tuple[int, int]:
    """Return flash and RAM of the library, from the summary of sections."""
    found = re.search(rf"^\s*RT total\s+{_NUMBER}\s+[\d.]+%\s+{_NUMBER}", said, re.M)
    if found is None:
        raise Unreadable("it printed no 'RT total', so the library's share is not known")
    return _count(found[1]), _count(found[2])


def _sizes(weights: int, buffers: int, library_flash: tuple[int, int], library_ram: int) -> Figures:
    """Return flash and RAM, each part with its own class."""
    kernels, libc = library_flash
    return {
        FLASH.name: {
            "total": size(weights + kernels + libc, "estimated"),
            "weights": size(weights, "exact"),
            "kernels": size(kernels, "estimated"),
            "startup_libc": size(libc, "estimated"),
        },
        RAM.name: {
            "total": size(buffers + library_ram, "estimated"),
            "arena": size(buffers, "exact"),
            "data": size(library_ram, "estimated"),
        },
    }


def _latency(said: str) -> Metric:
    """Return the time of one inference on the board: cycles where it counts them.

    On this computer it prints a duration as well, of which it says itself that it is none of the
    target's.
    """
    if _ON_HOST.search(said) or not _ON_BOARD.search(said):
        raise Unreadable(
            "validates_on = 'board', but validate does not say that it ran on the target; give it "
            "--mode target"
        )
    cycles = re.search(rf"^\s*CPU cycles\s*:\s*\[?{_NUMBER}", said, re.M)
    if cycles:
        return Metric(_count(cycles[1]), "cycles", "measured")
    duration = re.search(r"^\s*duration\s*:\s*(\S+) ms", said, re.M)
    if duration is None:
        raise Unreadable("validate printed no duration")
    try:
        value = float(duration[1])
    except ValueError:
        raise Unreadable(f"duration is {duration[1]!r}, expected a number") from None
    return Metric(round(real(value, "duration") * _NS_PER_MS), "ns", "measured")


def _outputs(run: ToolRun) -> tuple[bytes, ...]:
    """Return what the generated code computed, which validate keeps in an .npz file."""
    import numpy as np

    path: Path | None = run.one_file("*_val_io.npz")
    if path is None:
        raise Unreadable("validate wrote no network_val_io.npz, so its outputs are not known")
    try:
        with np.load(path) as archive:
            names = [f"c_outputs_{n}" for n in range(1, len(run.outputs) + 1)]
            arrays = [archive[name] for name in names]
    except Exception as error:
        raise Unreadable(f"{path.name} cannot be read: {error}") from error
    return encoded(arrays, run)


def _count(text: str) -> int:
    return whole(int(text.replace(",", "")), "a number of the summary")


STEDGEAI: Final = StEdgeAi(
    name="stedgeai",
    title="ST Edge AI Core",
    known="2.0 to 3.0",
    install="install ST Edge AI Core from st.com and put its directory Utilities/linux on the PATH",
    complaint=re.compile(r"^\s*(E\d{3}\(\w+\): .*)$", re.M),
    refusal=re.compile(r"^\s*E\d{3}\((?:InvalidModelError|NotImplementedError)\)", re.M),
)
