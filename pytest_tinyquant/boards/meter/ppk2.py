"""Reads Nordic's Power Profiler Kit II as an ampere meter, in a process of its own.

The package ppk2-api speaks with it and reads its calibration. Its 100,000 samples a second are
converted here, a hundred at a time; the package's own conversion takes a whole core for that.

Written by the package's source and tested against a played device; no real one has been seen.
"""

from __future__ import annotations

import sys
from typing import Any
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pytest_tinyquant.boards.meter.printing import fail
from pytest_tinyquant.boards.meter.printing import needs
from pytest_tinyquant.boards.meter.printing import print_sample
from pytest_tinyquant.boards.meter.printing import stop_requested


SAMPLES_A_SECOND: Final = 100_000
TOGETHER: Final = 100
"""So many samples become one line."""

AMPERES_AT_MOST: Final = 1.0
"""What the device can measure (product specification, 2.1.1)."""

_RANGES: Final = 5
_COUNTER_BITS: Final = 6
_SAMPLE_BYTES: Final = 4
_ADC_FULL: Final = 0x3FFF


class Converter:
    """Turns the device's bytes into currents.

    A word of 32 bits holds 14 bits of the converter, 3 of its range, 6 that count the words, and 8
    logic inputs.

    :param modifiers: the device's calibration, as ppk2-api reads it.
    :param volts: of the supply, which the calibration depends on.
    """

    def __init__(self, modifiers: dict[str, Any], adc_mult: float, volts: float) -> None:
        def of(key: str) -> NDArray[np.float64]:
            return np.array([float(modifiers[key][str(n)]) for n in range(_RANGES)])

        self._offset, self._gain_squared, self._gain = of("O"), of("GS"), of("GI")
        self._user = of("UG")
        self._scale = adc_mult / of("R")
        self._zero = of("S") * volts + of("I")
        self._rest = b""
        self._next = -1

    def currents(self, data: bytes) -> NDArray[np.float64]:
        """Return amperes of the whole words so far; inf where the device was saturated.

        :raises ValueError: words were lost.
        """
        data = self._rest + data
        whole = len(data) - len(data) % _SAMPLE_BYTES
        self._rest = data[whole:]
        words = np.frombuffer(data[:whole], "<u4")
        if not words.size:
            return np.empty(0)
        self._check_counter((words >> 18) & ((1 << _COUNTER_BITS) - 1))
        adc = words & _ADC_FULL
        ranges = np.minimum((words >> 14) & 7, _RANGES - 1)
        raw = (adc * 4.0 - self._offset[ranges]) * self._scale[ranges]
        linear = raw * (self._gain_squared[ranges] * raw + self._gain[ranges])
        amperes = self._user[ranges] * (linear + self._zero[ranges])
        saturated = (amperes > AMPERES_AT_MOST) | ((adc == _ADC_FULL) & (ranges == _RANGES - 1))
        return np.where(saturated, np.inf, amperes)

    def _check_counter(self, counters: NDArray[Any]) -> None:
        period = 1 << _COUNTER_BITS
        first = int(counters[0]) if self._next < 0 else self._next
        expected = (first + np.arange(counters.size)) % period
        if not np.array_equal(counters, expected):
            raise ValueError("samples were lost between the meter and this computer")
        self._next = (int(counters[-1]) + 1) % period


def main(volts: float, port: str) -> None:
    """Print a line per millisecond until standard input ends."""
    try:
        from ppk2_api.ppk2_api import PPK2_API
    except ImportError:
        needs("ppk2-api")
    port = port or _only_one(PPK2_API.list_devices())
    try:
        device = PPK2_API(port, timeout=0.1, exclusive=True)
    except OSError as error:
        fail("absent", f"the PPK2 at {port} cannot be opened: {error}")
    device.stop_measuring()
    while device.ser.read(1 << 16):
        pass
    if not device.get_modifiers():
        fail("absent", f"what is at {port} does not answer as a PPK2 does")
    device.use_ampere_meter()
    device.set_source_voltage(round(volts * 1000))
    device.toggle_DUT_power("ON")
    device.start_measuring()
    try:
        _stream(device, volts)
    except (OSError, ValueError) as error:
        fail("slow" if isinstance(error, ValueError) else "absent", str(error))
    finally:
        # The board keeps its power: it is nobody's business here to take it away.
        device.stop_measuring()


def _only_one(ports: list[str]) -> str:
    if len(ports) == 1:
        return ports[0]
    found = f"several are: {', '.join(ports)}; write energy = 'ppk2:PORT'" if ports else "none is"
    fail("absent", f"one PPK2 has to be attached; {found}")


def _stream(device: Any, volts: float) -> None:
    ended = stop_requested()
    converter = Converter(device.modifiers, device.adc_mult, volts)
    kept, count = np.empty(0), 0
    while not ended.is_set():
        data = device.ser.read(max(device.ser.in_waiting, _SAMPLE_BYTES * TOGETHER))
        kept = np.concatenate([kept, converter.currents(data)])
        lines = kept.size // TOGETHER
        means = kept[: lines * TOGETHER].reshape(lines, TOGETHER).mean(axis=1)
        kept = kept[lines * TOGETHER :]
        for mean in means:
            count += TOGETHER
            print_sample(count / SAMPLES_A_SECOND, float(mean), volts)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2])
