"""A Joulescope by its package, which is played: what it says was read in its source."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tinyquant.boards.meter.errors import MeterNotFoundError
from pytest_tinyquant.boards.meter.open import start_meter
from pytest_tinyquant.project.bench import PhysicalBoard


PLAYED = """
import threading, time

class Device:
    def __init__(self, serial):
        self.serial = serial
    def __str__(self):
        return f"Joulescope:{self.serial}"
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def parameter_set(self, name, value):
        assert (name, value) in {("sensor_power", "on"), ("i_range", "auto"),
                                 ("reduction_frequency", "100 Hz")}
    def statistics_callback_register(self, callback, source):
        threading.Thread(target=self.speak, args=(callback,), daemon=True).start()
    def speak(self, callback):
        n = 0
        while True:
            n += 1
            time.sleep(0.01)
            callback({"time": {"range": {"value": [(n - 1) / 100, n / 100]}},
                      "signals": {"current": {"µ": {"value": CURRENT}},
                                  "voltage": {"µ": {"value": 3.0}}}})

def scan():
    return [Device(serial) for serial in SERIALS]
"""


@pytest.fixture
def row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PhysicalBoard]:
    monkeypatch.syspath_prepend(tmp_path)

    def make(
        which: str, *, current: str = "0.02", serials: str = "['001', '002']"
    ) -> PhysicalBoard:
        text = PLAYED.replace("CURRENT", current).replace("SERIALS", serials)
        (tmp_path / "joulescope.py").write_text(text)
        return PhysicalBoard("desk-1", "nucleo-l4r5zi", "066E", "/dev/x", energy=which)

    return make


def watts(row: PhysicalBoard) -> set[float]:
    with start_meter(row) as meter:
        return {round(s.watts, 9) for s in meter.until(time.monotonic() + 0.1)}


def test_its_averages_are_read(row: Callable[..., PhysicalBoard]) -> None:
    assert watts(row("joulescope:002")) == {0.06}
    assert watts(row("joulescope", serials="['001']")) == {0.06}


def test_beyond_its_range_it_says_no_number(row: Callable[..., PhysicalBoard]) -> None:
    assert watts(row("joulescope:001", current="float('nan')")) == {float("inf")}


@pytest.mark.parametrize(
    ("which", "serials", "words"),
    [
        ("joulescope", "[]", "attached: none"),
        ("joulescope", "['001', '002']", "Joulescope:001, Joulescope:002.*'joulescope:SERIAL'"),
    ],
)
def test_one_device_has_to_be_meant(
    row: Callable[..., PhysicalBoard], which: str, serials: str, words: str
) -> None:
    with pytest.raises(MeterNotFoundError, match=words):
        start_meter(row(which, serials=serials))
