"""The Power Profiler Kit II by its package, against a played device of known current."""

from __future__ import annotations

import dataclasses
import random
import shlex
import sys
import time
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from played_ppk2 import META
from played_ppk2 import PlayedPpk2
from played_ppk2 import word

from pytest_tinyquant.boards.console.transcript import MarkedWindow
from pytest_tinyquant.boards.meter.errors import MeterNotFoundError
from pytest_tinyquant.boards.meter.errors import MeterSaturatedError
from pytest_tinyquant.boards.meter.errors import MeterTooSlowError
from pytest_tinyquant.boards.meter.open import start_meter
from pytest_tinyquant.boards.meter.ppk2 import Converter
from pytest_tinyquant.boards.meter.windows import power_windows
from pytest_tinyquant.project.bench import PhysicalBoard


ppk2_api = pytest.importorskip("ppk2_api.ppk2_api", reason="needs ppk2-api (extra energy)")

VOLTS = 3.0


@pytest.fixture
def device(request: pytest.FixtureRequest) -> Iterator[Callable[..., PlayedPpk2]]:
    made: list[PlayedPpk2] = []

    def start(amperes: Callable[[float], float], **options: Any) -> PlayedPpk2:
        made.append(PlayedPpk2(amperes, **options))
        return made[-1]

    yield start
    for each in made:
        each.close()


def row(port: str) -> PhysicalBoard:
    return PhysicalBoard(
        "desk-1", "nucleo-l4r5zi", "066E", "/dev/x", energy=f"ppk2:{port}", supply_volts=VOLTS
    )


def test_the_integral_of_a_known_current_is_the_truth(device: Callable[..., PlayedPpk2]) -> None:
    """The truth is 9 mA more than asleep, at 3 V; the played converter has steps of 46 uA."""
    start = time.monotonic() + 1.5
    marks = (start, start + 0.4, start + 0.8)

    def amperes(now: float) -> float:
        return 0.010 if marks[1] <= now < marks[2] else 0.001

    played = device(amperes)
    with start_meter(row(played.port)) as meter:
        samples = meter.until(marks[2] + 0.05)
    window = MarkedWindow(*marks, runs=100, counts=0)
    (power,) = power_windows([window], samples, hz=None, who="desk-1")
    truth = 0.009 * VOLTS * 0.4 / 100
    stated = power.joules * power.seconds_off / power.seconds
    assert abs(power.joules - truth) <= min(stated, 0.01 * truth)
    assert played.commands[-1] == 0x07, "it measures no longer"


def test_our_conversion_is_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside its filter of spikes, which acts where the range changes."""
    monkeypatch.setattr(ppk2_api.serial, "Serial", lambda *_, **__: type("Port", (), {})())
    package = ppk2_api.PPK2_API("port")
    package.ser = None
    package._parse_metadata(META)
    package.current_vdd = 3000
    draw = random.Random(1)
    for range_ in range(5):
        words = [draw.randrange(0x3000) >> 4 | range_ << 14 | (n & 63) << 18 for n in range(200)]
        data = np.array(words, "<u4").tobytes()
        package.prev_range = str(range_)
        package.after_spike = 0
        theirs, _ = package.get_samples(data)
        ours = Converter(package.modifiers, package.adc_mult, VOLTS).currents(data)
        assert np.allclose(np.array(theirs) * 1e-6, ours, rtol=1e-12)


def test_bytes_may_come_in_any_pieces() -> None:
    modifiers = {key: dict.fromkeys("01234", 1.0) for key in ("R", "GS", "GI", "O", "S", "I", "UG")}
    data = np.array([word(0.01, n) for n in range(100)], "<u4").tobytes()
    whole = Converter(modifiers, 1e-6, VOLTS).currents(data)
    parts = Converter(modifiers, 1e-6, VOLTS)
    pieces = [parts.currents(data[n : n + 7]) for n in range(0, len(data), 7)]
    assert np.array_equal(np.concatenate(pieces), whole)


def test_a_lost_sample_is_an_error(device: Callable[..., PlayedPpk2]) -> None:
    played = device(lambda _: 0.01, skip=30_000)
    with (
        pytest.raises(MeterTooSlowError, match="samples were lost"),
        start_meter(row(played.port)) as meter,
    ):
        meter.until(time.monotonic() + 30)


def test_more_than_an_ampere_is_saturation(device: Callable[..., PlayedPpk2]) -> None:
    played = device(lambda _: 1.2)
    with start_meter(row(played.port)) as meter:
        meter.forget()
        now = time.monotonic()
        samples = meter.until(now + 0.8)
    window = MarkedWindow(now, now + 0.4, now + 0.8, runs=1, counts=0)
    with pytest.raises(MeterSaturatedError):
        power_windows([window], samples, hz=None, who="desk-1")


def test_what_is_no_ppk2_is_named(device: Callable[..., PlayedPpk2], tmp_path: Path) -> None:
    silent = device(lambda _: 0.0, answers=False)
    with pytest.raises(MeterNotFoundError, match="does not answer as a PPK2 does"):
        start_meter(row(silent.port))
    with pytest.raises(MeterNotFoundError, match="absent cannot be opened"):
        start_meter(row(f"{tmp_path}/absent"))
    with pytest.raises(MeterNotFoundError, match="one PPK2 has to be attached; none is"):
        start_meter(dataclasses.replace(row(""), energy="ppk2"))


@pytest.mark.parametrize("name", ["ppk2", "joulescope"])
def test_without_its_package_the_extra_is_named(name: str) -> None:
    """As a command, in whose process the package is hidden."""
    package = {"ppk2": "ppk2_api", "joulescope": "joulescope"}[name]
    program = (
        f"import runpy, sys; sys.modules['{package}'] = None; sys.argv = ['m', '3.0', '']; "
        f"runpy.run_module('pytest_tinyquant.boards.meter.{name}', run_name='__main__')"
    )
    hidden = dataclasses.replace(row(""), energy=shlex.join([sys.executable, "-c", program]))
    with pytest.raises(MeterNotFoundError, match=r"pip install 'pytest-tinyquant\[energy\]'"):
        start_meter(hidden)
