"""Energy of real boards as a user's test run sees it: an emulator behind a played power meter.

The meter is a program that keeps to the documented contract. What it says depends on what the
firmware does, which the run tells it by a file, as a current would.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject
    from tests.conftest import EmulatedBench


HARDWARE = ("--board=bench-m4", "--tq-target=hardware", "--model=fc_1", "--scheme=int8-only")
COMBINATION = "fc_1-int8-only-bench-m4"

#: Windows of about half a second of this computer's time.
COUNTS = "-DTQ_POWER_COUNTS=150000000"

# Tells the meter what the firmware does, by the marks.
TELL = """
from pathlib import Path
from pytest_tinyquant.boards.console import transcript

ROOT = Path(__file__).parent
power = transcript._HANDLERS["POWER"]

def told(self, payload, lines):
    power(self, payload, lines)
    (ROOT / "new").write_text(payload.split()[1])
    (ROOT / "new").rename(ROOT / "state")

transcript._HANDLERS["POWER"] = told
"""

METER = """
import sys, time
from pathlib import Path

ROOT = Path(__file__).parent
while True:
    state = ROOT / "state"
    busy = state.exists() and state.read_text() == "busy"
    idle, current = map(float, (ROOT / "milliamperes").read_text().split())
    print(f"{time.monotonic():.6f},{(current if busy else idle) / 1000},3.3", flush=True)
    time.sleep(0.001)
"""

TEST = """
def test_energy(measurement, baseline):
    baseline.check("energy", measurement)
"""


@pytest.fixture
def metered(
    real_project: RealProject, emulated_bench: Callable[[int], EmulatedBench]
) -> RealProject:
    """A project of one model on one board with a meter."""
    real_project.add_zoo("fc_1")
    root = real_project.root
    real_project.pytester.makeconftest(TELL)
    real_project.pytester.makepyfile(test_energy=TEST)
    (root / "meter.py").write_text(METER)
    type_, _, rows = emulated_bench(1).rows.partition("[[bench]]")
    metrics = 'metrics = ["error", "latency", "flash", "ram", "energy"]\n'
    energy = f"energy = {json.dumps(f'{sys.executable} {root}/meter.py')}\n"
    (root / "boards.toml").write_text(
        f'{type_}{metrics}cflags = ["{COUNTS}"]\n[[bench]]{rows}{energy}'
    )
    draw(real_project, 10)
    return real_project


def draw(project: RealProject, busy: float, idle: float = 1) -> None:
    (project.root / "milliamperes").write_text(f"{idle} {busy}")


def baseline_of(project: RealProject) -> tuple[Path, dict[str, Any]]:
    file = project.root / "baselines/bench-m4/hardware/fc_1-int8-only.json"
    return file, json.loads(file.read_text())


def test_it_is_measured_recorded_and_judged_over_its_noise_floor(metered: RealProject) -> None:
    run = ("test_energy.py", *HARDWARE)
    metered.run(*run, "--tq-missing-baseline=record").assert_outcomes(passed=1)
    file, document = baseline_of(metered)
    parts = {part: number["value"] for part, number in document["metrics"]["energy"].items()}
    assert (parts["idle"], parts["busy"]) == (pytest.approx(3.3), pytest.approx(33))
    assert parts["inference"] > 0
    # A tenth of it would be wrong whatever this computer's time is worth.
    document["metrics"]["energy"]["inference"]["value"] /= 10
    file.write_text(json.dumps(document))
    result = metered.run(*run)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"{COMBINATION}  energy  *uJ*REGRESSED", "*confirmed by this run"])
    floor = {"model": "fc_1", "scheme": "int8-only", "unit": "instructions", "toolchain": "gcc"}
    counts = {"counts": [100, 100], "metrics": {"energy": [0.001, 1, 30]}}
    (file.parent / "noise.json").write_text(json.dumps(floor | counts))
    metered.run(*run).assert_outcomes(passed=1)


def test_a_bench_without_a_meter_and_an_emulator_cannot_tell(metered: RealProject) -> None:
    table = metered.root / "boards.toml"
    table.write_text(table.read_text().partition("energy = ")[0])
    result = metered.run("test_energy.py", *HARDWARE, "--tq-missing-baseline=record")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*BoardNotFoundError: *no row of this bench has one (qemu1)*"])
    emulated = ("--board=bench-m4", "--tq-target=emulator", *HARDWARE[2:])
    result = metered.run("test_energy.py", *emulated, "--tq-missing-baseline=record")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*needs a real board with a power meter*"])
