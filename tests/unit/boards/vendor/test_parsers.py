"""What reads other tools' reports: Edge Impulse's profile, ``size``, and figures.json.

The texts are written after the documentation, never seen the tools.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.boards.vendor.edge_impulse import EDGE_IMPULSE
from pytest_tinyquant.boards.vendor.figures import FIGURES
from pytest_tinyquant.boards.vendor.report import ToolReport
from pytest_tinyquant.boards.vendor.report import ToolRun
from pytest_tinyquant.boards.vendor.report import Unreadable
from pytest_tinyquant.boards.vendor.size import SIZE
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.metrics.metric import Metric


if TYPE_CHECKING:
    from tests.unit.boards.vendor.conftest import Vendor


def said(text: str, output: Path = Path("/nonexistent"), **more: Any) -> ToolRun:
    command = more.pop("command", "analyze")
    return ToolRun({command: text}, output, more.pop("measures", False), more.pop("out", ()), 6)


PROFILE = {
    "variant": "int8",
    "device": "cortex-m4f-80mhz",
    "tfliteFileSizeBytes": 20072,
    "isSupportedOnMcu": True,
    "memory": {
        "tflite": {"ram": 20000, "rom": 60000, "arenaSize": 16000},
        "eon": {"ram": 15953, "rom": 97660, "arenaSize": 14000},
    },
    "timePerInferenceMs": 43,
    "customMetrics": [],
    "hasPerformance": True,
}


def profile(**changed: Any) -> ToolRun:
    text = json.dumps({**PROFILE, **changed}, indent=4)
    table = json.dumps({"variant": "int8", "lowEndMcu": {}}, indent=4)
    return said(
        f"Target results for int8:\n========================\n{text}\n\n\n"
        f"Performance on device types:\n============================\n{table}\n"
    )


def test_a_profile_gives_estimates_only() -> None:
    report = EDGE_IMPULSE.read(profile())
    assert report.figures == {
        "flash": {"total": Metric(97_660, "bytes", "estimated")},
        "ram": {"total": Metric(15_953, "bytes", "estimated")},
        "latency": {"invoke": Metric(43_000_000, "ns", "estimated")},
    }


def test_a_profile_without_time_has_no_latency() -> None:
    assert "latency" not in EDGE_IMPULSE.read(profile(timePerInferenceMs=None)).figures
    assert "latency" not in EDGE_IMPULSE.read(profile(hasPerformance=False)).figures


def test_a_model_that_the_service_refuses_is_refused_in_its_words() -> None:
    run = profile(isSupportedOnMcu=False, mcuSupportError="Didn't find op for builtin opcode 'FOO'")
    with pytest.raises(UnsupportedModelError, match="Didn't find op for builtin opcode 'FOO'"):
        EDGE_IMPULSE.read(run)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (said(""), "printed 0 results for a device"),
        (profile(memory={}), "no memory.eon"),
        (profile(memory={"eon": {"ram": 1}}), "memory.eon.rom is missing"),
        (profile(memory={"eon": {"ram": -1, "rom": 2}}), "memory.eon.ram is -1"),
        (profile(timePerInferenceMs=float("nan")), "it has NaN"),
    ],
)
def test_a_profile_that_cannot_be_used_fails_by_name(run: ToolRun, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        EDGE_IMPULSE.read(run)


HEAD = "   text\t   data\t    bss\t    dec\t    hex\tfilename\n"
ROW = "  15424\t    476\t   3568\t  19468\t   4c0c\tfirmware.elf\n"


def test_the_size_of_a_program_is_what_it_takes_of_both_memories() -> None:
    report = SIZE.read(said(f"arm-none-eabi-gcc -O3 ...\n{HEAD}{ROW}"))
    assert report.figures["flash"]["total"] == Metric(15_900, "bytes", "exact")
    assert report.figures["ram"]["total"] == Metric(4_044, "bytes", "exact")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "printed the line 'text data bss dec hex filename' 0 times"),
        (HEAD, "the size of 0 programs"),
        (HEAD + ROW + ROW, "the size of 2 programs"),
        ((HEAD + ROW) * 2, "2 times"),
        (HEAD + ROW.replace("19468", "19469"), "is not 19469, which it printed"),
    ],
)
def test_a_size_that_cannot_be_used_fails_by_name(text: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        SIZE.read(said(text))


FLASH = {"total": {"value": 40960, "unit": "bytes", "class": "exact"}}
CYCLES = {"invoke": {"value": 385200, "unit": "cycles", "class": "measured"}}


def figures(directory: Path, data: object, **more: Any) -> ToolReport:
    text = data if isinstance(data, str) else json.dumps(data)
    (directory / "figures.json").write_text(text)
    return FIGURES.read(said("", directory, **more))


def test_figures_of_a_script_keep_their_unit_and_class(tmp_path: Path) -> None:
    data = {"tool": "ours 1.2", "metrics": {"flash": FLASH, "latency": CYCLES}, "remark": "x"}
    report = figures(tmp_path, data, measures=True)
    assert report.version == "ours 1.2"
    assert report.figures["flash"]["total"] == Metric(40_960, "bytes", "exact")
    assert report.figures["latency"]["invoke"] == Metric(385_200, "cycles", "measured")
    assert ToolReport.from_json(json.loads(json.dumps(report.to_json()))) == report


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "no table 'metrics'"),
        ({"metrics": {"flash": FLASH}, "speed": 1}, "has 'speed'; known are"),
        ({"metrics": {"speed": FLASH}}, "has the metric 'speed'; known are error, latency"),
        ({"metrics": {"flash": {"rodata": FLASH["total"]}}}, "has flash.rodata; flash has"),
        ({"metrics": {"flash": {"total": 40960}}}, "flash.total .* must have exactly value, unit"),
        (
            {"metrics": {"flash": {"total": {**FLASH["total"], "class": "guessed"}}}},
            "has the class 'guessed'",
        ),
        ({"metrics": {"flash": {"total": {**FLASH["total"], "value": -1}}}}, "flash.total is -1"),
        ({"metrics": {"latency": CYCLES}}, "called measured, but the tool does not validate on a"),
        ("{'metrics': 1}", "figures.json is not JSON"),
    ],
)
def test_figures_that_cannot_be_used_fail_by_name(
    tmp_path: Path, data: dict[str, Any] | str, words: str
) -> None:
    with pytest.raises(Unreadable, match=words):
        figures(tmp_path, data)


def test_a_script_that_writes_no_figures_or_several_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"it wrote no figures\.json"):
        FIGURES.read(said("", tmp_path))
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "figures.json").write_text("{}")
    with pytest.raises(Unreadable, match=r"several files figures\.json"):
        FIGURES.read(said("", tmp_path))


def test_validate_owes_outputs_and_they_are_read_as_the_model_s(
    tmp_path: Path, vendor: Vendor
) -> None:
    out = [vendor.graph.tensors[index] for index in vendor.graph.outputs]
    data = {"metrics": {"flash": FLASH}}
    with pytest.raises(Unreadable, match=r"validate wrote no outputs\.npz"):
        figures(tmp_path, data, command="validate", out=out)
    np.savez(tmp_path / "outputs.npz", output_1=vendor.outputs)
    report = figures(tmp_path, data, command="validate", out=out)
    assert report.outputs == tuple(row.tobytes() for row in vendor.outputs)
