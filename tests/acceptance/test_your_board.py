"""A board of ten lines in an empty project: emulated, then attached behind a debug probe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.boards.debug import pyocd_names
from pytest_tinyquant.boards.emulator.qemu import Qemu


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


TEN_LINES = """
[mine]
core = "cortex-m4f"
pyocd_target = "tinyquant_mps2_an386"
flash = {start = 0x0, bytes = 1_048_576}
ram = {start = 0x2000_0000, bytes = 262_144}
clock_hz = 25_000_000
[[bench]]
name = "desk"
type = "mine"
probe = "QEMU1"
"""


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine behind the probe QEMU1, for every process that looks."""
    machine = Qemu("qemu-system-arm", "mps2-an386")
    monkeypatch.setenv(pyocd_names.LISTED_VARIABLE, f"QEMU1=127.0.0.1:{machine.gdb_port}")
    yield
    machine.close()


@pytest.mark.usefixtures("attached")
def test_ten_lines_are_a_board(real_project: RealProject) -> None:
    real_project.add_zoo("fc_1")
    (real_project.root / "boards.toml").write_text(TEN_LINES)
    run = ("--board=mine", "--scheme=int8-only")
    record = "--tq-missing-baseline=record"
    real_project.run(*run, "--tq-target=emulator", record).assert_outcomes(passed=4)
    real_project.run(*run, "--tq-target=hardware", record).assert_outcomes(passed=4)
    baselines = real_project.root / "baselines" / "mine"
    documents = {
        target: json.loads((baselines / target / "fc_1-int8-only.json").read_text())
        for target in ("emulator", "hardware")
    }
    unit = {
        target: document["metrics"]["latency"]["invoke"]["unit"]
        for target, document in documents.items()
    }
    assert unit == {"emulator": "instructions", "hardware": "cycles"}
    errors = [document["metrics"]["error"] for document in documents.values()]
    assert errors[0] == errors[1]
    # A verdict about the attached board: what it measures now is not what was recorded.
    document = documents["hardware"]
    document["metrics"]["flash"]["total"]["value"] -= 1000
    (baselines / "hardware" / "fc_1-int8-only.json").write_text(json.dumps(document))
    real_project.run(*run, "--tq-target=hardware").assert_outcomes(passed=3, failed=1)
