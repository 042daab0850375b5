"""Reads a Joulescope by its package, in a process of its own.

Written by the package's source and tested against a played module; no real device has been seen.
"""

from __future__ import annotations

import math
import sys
from typing import Any
from typing import Final

from pytest_tinyquant.boards.meter.printing import fail
from pytest_tinyquant.boards.meter.printing import needs
from pytest_tinyquant.boards.meter.printing import print_sample
from pytest_tinyquant.boards.meter.printing import stop_requested


SAMPLES_A_SECOND: Final = 100
"""Averages of all that the device measured; the most that it gives."""


def main(serial: str) -> None:
    """Print a line per average until standard input ends."""
    try:
        import joulescope
    except ImportError:
        needs("joulescope")
    try:
        device = _find(joulescope.scan(), serial)
        with device:
            device.parameter_set("sensor_power", "on")
            device.parameter_set("i_range", "auto")
            device.parameter_set("reduction_frequency", f"{SAMPLES_A_SECOND} Hz")
            device.statistics_callback_register(_show, "sensor")
            stop_requested().wait()
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        fail("absent", f"the Joulescope cannot be used: {error}")


def _find(devices: list[Any], serial: str) -> Any:
    found = [device for device in devices if serial in str(device)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(map(str, devices)) or "none"
    fail(
        "absent",
        f"one Joulescope has to be attached (attached: {names}); of several name the serial number "
        "by energy = 'joulescope:SERIAL'",
    )


def _show(statistics: dict[str, Any]) -> None:
    end = statistics["time"]["range"]["value"][1]
    signals = statistics["signals"]
    current, voltage = (signals[name]["µ"]["value"] for name in ("current", "voltage"))
    # The device has no number for what is beyond its range.
    print_sample(end, current if math.isfinite(current) else math.inf, voltage)


if __name__ == "__main__":
    main(sys.argv[2])
