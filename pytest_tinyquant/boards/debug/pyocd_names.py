"""Names that pyOCD and its plug-in for emulators share; pyOCD itself is not imported."""

from __future__ import annotations

import os


PROBE_TYPE = "tqqemu"
TARGET_MPS2_AN386 = "tinyquant_mps2_an386"
TARGET_MPS2_AN505 = "tinyquant_mps2_an505"
TARGET_MPS3_AN547 = "tinyquant_mps3_an547"

LISTED_VARIABLE = "TINYQUANT_QEMU_PROBES"
"""Environment variable, a test aid: ``ID=HOST:PORT`` of gdb stubs, separated by commas."""


def listed_probes() -> dict[str, str]:
    """Return ``HOST:PORT`` of the probes that the environment lists, by unique id."""
    entries = os.environ.get(LISTED_VARIABLE, "").split(",")
    pairs = (entry.partition("=") for entry in entries)
    return {unique_id: address for unique_id, _, address in pairs if address}
