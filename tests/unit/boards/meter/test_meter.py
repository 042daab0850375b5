"""Power meters: what their programs print, and what becomes of each trouble.

The devices are played, by what their packages' sources say; none of them has been seen.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.boards.console.transcript import MarkedWindow
from pytest_tinyquant.boards.meter.errors import MeterError
from pytest_tinyquant.boards.meter.errors import MeterNotFoundError
from pytest_tinyquant.boards.meter.errors import MeterSaturatedError
from pytest_tinyquant.boards.meter.errors import MeterTooSlowError
from pytest_tinyquant.boards.meter.meter import Meter
from pytest_tinyquant.boards.meter.open import start_meter
from pytest_tinyquant.boards.meter.reading import Sample
from pytest_tinyquant.boards.meter.reading import parse
from pytest_tinyquant.boards.meter.windows import power_windows
from pytest_tinyquant.project.bench import PhysicalBoard


ROW = PhysicalBoard("desk-1", "nucleo-l4r5zi", "066E", "/dev/ttyACM0", where="row 1")


# ---- lines ----


def test_a_line_is_a_moment_and_its_power() -> None:
    sample = parse("1.5,0.010,3.3\n")
    assert sample is not None
    assert sample.time == 1.5
    assert sample.watts == pytest.approx(0.033)
    assert parse("# my meter\n") is None
    sample = parse("2,inf,3.3")
    assert sample is not None
    assert sample.watts == float("inf")


@pytest.mark.parametrize("line", ["1,2", "1,2,x", "nan,1,3", "1,2,inf", "1;2;3", "time,current,v"])
def test_any_other_line_is_refused(line: str) -> None:
    with pytest.raises(MeterError, match="no line time_s,current_A,voltage_V"):
        parse(line)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("absent", MeterNotFoundError),
        ("saturated", MeterSaturatedError),
        ("slow", MeterTooSlowError),
        ("other", MeterError),
    ],
)
def test_a_program_may_say_what_is_wrong(kind: str, error: Any) -> None:
    with pytest.raises(error, match="in words"):
        parse(f"error {kind}: in words")


# ---- windows ----


def played(
    amperes: Callable[[float], float], seconds: float = 4.0, step: float = 0.001
) -> list[Sample]:
    """Samples of a supply of 3 V."""
    return [Sample(n * step, amperes(n * step) * 3) for n in range(int(seconds / step))]


def busy_from_one(time: float) -> float:
    return 0.010 if 1.0 <= time < 2.0 else 0.002


WINDOW = MarkedWindow(0.0, 1.0, 2.0, runs=1000, counts=120_000_000)


def test_the_integral_of_a_known_current_is_the_truth() -> None:
    """1 s of 8 mA more than asleep, at 3 V, for 1,000 runs: 24 microjoules each."""
    (window,) = power_windows([WINDOW], played(busy_from_one), hz=120_000_000, who="desk-1")
    assert window.joules == pytest.approx(24e-6, rel=1e-9)
    assert window.idle_watts == pytest.approx(0.006)
    assert window.busy_watts == pytest.approx(0.030)


def test_a_ramp_and_noise_between_samples_are_integrated() -> None:
    def ramp(time: float) -> float:
        return 0.002 if time < 1 else 0.010 + 0.004 * (time - 1.5)

    (window,) = power_windows([WINDOW], played(ramp), hz=120_000_000, who="desk-1")
    assert window.joules == pytest.approx(24e-6, rel=1e-6)


@pytest.mark.parametrize("late", [0.0, 0.010, 0.045])
def test_marks_that_come_late_change_nothing_where_the_clock_is_known(late: float) -> None:
    marked = MarkedWindow(late, 1 + late, 2 + late, WINDOW.runs, WINDOW.counts)
    (window,) = power_windows([marked], played(busy_from_one), hz=120_000_000, who="desk-1")
    assert window.joules == pytest.approx(24e-6, rel=1e-9)
    assert window.seconds_off == 0


@pytest.mark.parametrize(("first", "second"), [*itertools.product([0.0, 0.04], repeat=2)])
def test_without_a_clock_the_stated_error_holds_what_late_marks_do(
    first: float, second: float
) -> None:
    marked = MarkedWindow(0, 1 + first, 2 + second, WINDOW.runs, WINDOW.counts)
    (window,) = power_windows([marked], played(busy_from_one), hz=None, who="desk-1")
    assert abs(window.joules - 24e-6) <= 24e-6 * window.seconds_off / window.seconds


def test_marks_that_do_not_fit_the_count_are_not_believed() -> None:
    marked = dataclasses.replace(WINDOW, until=2.2)
    with pytest.raises(MeterTooSlowError, match=r"window 0: its marks arrived 1.200 s apart"):
        power_windows([marked], played(busy_from_one), hz=120_000_000, who="desk-1")


def test_too_few_samples_in_a_window_are_an_error() -> None:
    with pytest.raises(MeterTooSlowError, match=r"window 0, idle: the meter gave 45 samples"):
        power_windows([WINDOW], played(busy_from_one, step=0.02), hz=None, who="desk-1")


def test_saturation_within_a_window_is_an_error_and_before_it_none() -> None:
    samples = played(busy_from_one)
    samples[10] = Sample(samples[10].time, float("inf"))  # in the guard
    power_windows([WINDOW], samples, hz=None, who="desk-1")
    samples[1500] = Sample(samples[1500].time, float("inf"))
    with pytest.raises(MeterSaturatedError, match=r"window 0, busy: .*beyond the meter's range"):
        power_windows([WINDOW], samples, hz=None, who="desk-1")


# ---- programs ----


def command(tmp_path: Path, body: str) -> str:
    script = tmp_path / "meter.py"
    script.write_text(f"import sys, time, os\n{body}\n")
    return f"{sys.executable} {script}"


STEADY = """
start = time.monotonic()
while True:
    print(f"{time.monotonic() - start + 1000:.6f},0.01,3.3", flush=True)
    time.sleep(0.001)
"""


def test_a_meters_own_clock_is_set_by_its_promptest_sample(tmp_path: Path) -> None:
    row = dataclasses.replace(ROW, energy=command(tmp_path, STEADY))
    with start_meter(row) as meter:
        meter.forget()
        now = time.monotonic()
        samples = meter.until(now + 0.2)
    assert now - 0.05 < samples[0].time < now + 0.05
    assert {round(sample.watts, 9) for sample in samples} == {0.033}


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ("sys.exit('no such device')", MeterError, r"ended by itself \(exit code 1\): no such dev"),
        ("print('error absent: unplugged', flush=True)", MeterNotFoundError, "unplugged"),
        ("print('hello', flush=True)", MeterError, "no line time_s"),
        ("print('2,0,3\\n1,0,3', flush=True); time.sleep(60)", MeterError, "goes backwards"),
    ],
)
def test_a_program_that_fails_is_a_bench_error_with_its_words(
    tmp_path: Path, body: str, error: type[MeterError | MeterNotFoundError], words: str
) -> None:
    row = dataclasses.replace(ROW, energy=command(tmp_path, body))
    with (
        pytest.raises(error, match=f"desk-1: meter .*{words}"),
        start_meter(row) as meter,
    ):
        meter.until(time.monotonic() + 60)


def test_a_silent_program_is_waited_for_no_longer_than_said(tmp_path: Path) -> None:
    script = command(tmp_path, "time.sleep(60)").split()
    with pytest.raises(MeterTooSlowError, match=r"gave no sample for 0\.2 s"):
        Meter(script, "desk-1", start_seconds=0.2)


def test_a_program_that_is_not_there_and_a_row_without_a_meter(tmp_path: Path) -> None:
    with pytest.raises(MeterNotFoundError, match="cannot be run: No such file"):
        start_meter(dataclasses.replace(ROW, energy=f"{tmp_path}/absent"))
    with pytest.raises(MeterNotFoundError, match="its row names no meter; add energy ="):
        start_meter(ROW)


def test_nothing_that_the_program_started_outlives_it(tmp_path: Path) -> None:
    body = (
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n" + STEADY
    )
    with start_meter(dataclasses.replace(ROW, energy=command(tmp_path, body))):
        pass
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}/stat").exists():
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            break  # nobody has waited for it yet
        assert time.monotonic() < deadline
        os.sched_yield()
