"""ST Edge AI Core, played by a peer: what its reports give, and how it fails.

The peer is written after the documentation and never saw the tool; see stedgeai_peer.py.
"""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pytest_tinyquant.boards.device import ReportedImage
from pytest_tinyquant.boards.vendor import command
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import EstimateError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.metrics.metric import Metric


if TYPE_CHECKING:
    from tests.unit.boards.vendor.conftest import Vendor


@pytest.fixture(autouse=True)
def _asked_anew() -> None:
    command._version.cache_clear()


def figures(image: ReportedImage) -> dict[str, tuple[float, str]]:
    return {
        f"{metric}.{part}": (number.value, number.number_class)
        for metric, parts in image.figures.items()
        for part, number in parts.items()
    }


SIZES = {
    "flash.total": (17_589, "estimated"),
    "flash.weights": (724, "exact"),
    "ram.total": (1_800, "estimated"),
    "ram.arena": (1_444, "exact"),
    "ram.data": (356, "estimated"),
    "macc.total": (5_313, "exact"),
}


def test_the_json_report_gives_each_number_with_its_class(vendor: Vendor) -> None:
    image = vendor.report(vendor.stedgeai("ok"))
    split = {"flash.kernels": (14_749, "estimated"), "flash.startup_libc": (2_116, "estimated")}
    assert figures(image) == SIZES | split
    assert image.tool == "ST Edge AI Core v3.0.0-20426 123672867"
    assert "reference, not executed" in image.remarks["error"]


@pytest.mark.parametrize("mode", ["text", "early-json"])
def test_the_text_gives_what_the_json_report_leaves_out(vendor: Vendor, mode: str) -> None:
    found = figures(vendor.report(vendor.stedgeai(mode)))
    split = {"flash.kernels": (16_865, "estimated"), "flash.startup_libc": (0, "estimated")}
    assert found == SIZES | split


def test_outputs_of_validate_are_the_generated_code_s_own(vendor: Vendor) -> None:
    image = vendor.report(vendor.stedgeai("ok", validate="host"))
    assert image.outputs == tuple(row.tobytes() for row in vendor.outputs)
    assert "error" not in image.remarks
    assert "latency" not in image.figures, "a duration on this computer is none of the board's"


def test_only_a_board_gives_a_measured_time_and_cycles_where_it_counts_them(vendor: Vendor) -> None:
    board = vendor.stedgeai("ok", validate="target", metrics='"latency"')
    assert vendor.report(board).figures["latency"]["invoke"] == Metric(3_210_000, "ns", "measured")
    board = vendor.stedgeai("cycles", validate="target", metrics='"latency"')
    assert vendor.report(board).figures["latency"]["invoke"] == Metric(
        385_200, "cycles", "measured"
    )


def test_a_report_is_kept_and_a_measurement_on_a_board_is_not(vendor: Vendor) -> None:
    kept = [vendor.report(vendor.stedgeai("ok", validate="host")) for _ in range(2)]
    assert kept[0] == kept[1]
    assert vendor.calls() == ["analyze", "validate"]
    for _ in range(2):
        vendor.report(vendor.stedgeai("ok", validate="target"))
    assert vendor.calls() == ["analyze", "validate"] * 3


def test_another_tool_or_another_option_is_asked_anew(vendor: Vendor) -> None:
    vendor.report(vendor.stedgeai("ok"))
    peer = vendor.root / "stedgeai_peer.py"
    peer.write_text(peer.read_text() + "\n# patched\n")
    vendor.report(vendor.stedgeai("ok"))
    assert len(vendor.calls()) == 2
    vendor.report(vendor.stedgeai("other"))
    assert len(vendor.calls()) == 3


def test_a_metric_that_the_tool_did_not_report_fails_by_name(vendor: Vendor) -> None:
    board = vendor.stedgeai("ok", metrics='"flash", "latency"')
    with pytest.raises(EstimateError, match="reported no latency; it reported flash, ram, macc"):
        vendor.report(board)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("not-json", "network_c_info.json is not JSON"),
        ("truncated", "network_c_info.json is not JSON"),
        ("nested", "network_c_info.json is not JSON"),
        ("a-list", "holds no JSON object"),
        ("no-footprint", r"no table memory_footprint \(json_schema_version 3.1\)"),
        ("missing", "memory_footprint.weights is missing"),
        ("negative", "memory_footprint.weights is -724, which it cannot be"),
        ("not-a-number", "it has NaN, which is no number"),
        ("a-text", "memory_footprint.weights is '724', expected a number"),
        ("a-fraction", "activations is 0.5, expected a whole number"),
        ("a-bool", "memory_footprint.kernel_ram is True, expected a number"),
        ("too-large", "which it cannot be"),
        ("half-a-library", "memory_footprint.kernel_ram is missing"),
        ("io-is-no-list", "memory_footprint.io is 7, expected a list"),
        ("other-version", "report is of version 2.2.0.*another version wrote it"),
        ("silent", "wrote no network_c_info.json and printed no 'weights"),
        ("huge", r"printed 35,651,584 bytes; 33,554,432 are read at most"),
    ],
)
def test_a_report_that_cannot_be_used_is_trouble_and_is_not_kept(
    vendor: Vendor, mode: str, words: str
) -> None:
    for _ in range(2):
        with pytest.raises(EstimateError, match=words):
            vendor.report(vendor.stedgeai(mode))
    assert vendor.calls() == ["analyze", "analyze"]
    assert not [*(vendor.root / "cache").rglob("report.json")]


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("no-outputs", "validate wrote no network_val_io.npz"),
        ("other-names", "network_val_io.npz cannot be read"),
        ("fewer-outputs", "has the shape .* for 6 samples"),
        ("float-outputs", "is float, and its values are not those of int8"),
        ("no-duration", "validate printed no duration"),
        ("nan-duration", "duration is nan, which it cannot be"),
        ("negative-duration", "duration is -3.21, which it cannot be"),
        ("on-host-after-all", "validate does not say that it ran on the target"),
    ],
)
def test_a_validation_that_cannot_be_used_fails_by_name(
    vendor: Vendor, mode: str, words: str
) -> None:
    board = vendor.stedgeai(mode, validate="target", metrics='"error", "latency"')
    with pytest.raises(EstimateError, match=words):
        vendor.report(board)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("killed", "was killed with SIGKILL"),
        ("crashes", "crashed with SIGSEGV"),
        ("half-way", "ended with exit code 1: nothing was found out about the model"),
        ("no-board", r"E200\(ValidationError\): TARGET: Unable to bind"),
        ("no-disk", "No space left on device"),
    ],
)
def test_a_tool_that_fails_is_trouble_and_never_the_model_s_fault(
    vendor: Vendor, mode: str, words: str
) -> None:
    with pytest.raises(BenchError, match=words) as caught:
        vendor.report(vendor.stedgeai(mode))
    assert not isinstance(caught.value, UnsupportedModelError)
    assert not [*(vendor.root / "cache").rglob("report.json")]


@pytest.mark.parametrize("mode", ["refuses", "refuses-with-0"])
def test_a_model_is_refused_only_in_the_tool_s_own_words(vendor: Vendor, mode: str) -> None:
    with pytest.raises(UnsupportedModelError, match="Unsupported layer FOO in node foo_1") as error:
        vendor.report(vendor.stedgeai(mode))
    assert error.value.reason == "E010(InvalidModelError): Unsupported layer FOO in node foo_1"


def test_a_tool_that_hangs_is_stopped_with_all_it_started(vendor: Vendor) -> None:
    began = time.monotonic()
    with pytest.raises(BenchError, match=r"analyze did not finish in 0\.5 s and was stopped"):
        vendor.report(vendor.stedgeai("hangs", more="seconds = 0.5"))
    assert time.monotonic() - began < 30
    named = str(vendor.root / "stedgeai_peer.py").encode()
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline", "rb") as stream:
                assert named not in stream.read()
        except OSError:
            pass  # it ended meanwhile


@pytest.mark.parametrize("program", ["no-such-stedgeai", "./no-such-file"])
def test_a_tool_that_is_not_there_is_named_with_where_to_get_it(
    vendor: Vendor, program: str
) -> None:
    board = vendor.board(f'parser = "stedgeai"\nanalyze = ["{program}", "{{model}}"]\n')
    with pytest.raises(
        ToolchainNotFoundError, match=f"{re.escape(program)} cannot be run"
    ) as error:
        vendor.report(board)
    assert "install ST Edge AI Core from st.com" in str(error.value)


def test_a_tool_without_a_version_is_not_asked_anything(vendor: Vendor) -> None:
    with pytest.raises(EstimateError, match="printed no version"):
        vendor.report(vendor.stedgeai("no-version"))
    assert vendor.calls() == []


def test_its_environment_is_made_and_holds_what_the_board_names(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LICENCE", "x")
    monkeypatch.setenv("CFLAGS", "-O0")
    more = 'pass_variables = ["LICENCE", "ABSENT"]\nvariables.STEDGEAI_CORE_DIR = "/opt/st"'
    vendor.report(vendor.stedgeai("ok", more=more))
    call = (vendor.root / "calls").read_text()
    assert "'LICENCE'" in call
    assert "'STEDGEAI_CORE_DIR'" in call
    assert "CFLAGS" not in call
    assert "ABSENT" not in call


def test_float_outputs_of_integers_are_taken_back_to_them(vendor: Vendor) -> None:
    (output,) = (vendor.graph.tensors[index] for index in vendor.graph.outputs)
    assert output.quantization is not None
    scale, zero_point = output.quantization.scales[0], output.quantization.zero_points[0]
    real = ((vendor.outputs.astype(np.float64) - zero_point) * scale).astype(np.float32)
    np.save(vendor.root / "outputs.npy", real)
    image = vendor.report(vendor.stedgeai("ok", validate="host"))
    assert image.outputs == tuple(row.tobytes() for row in vendor.outputs)
