"""Custom operators: those that TensorFlow Lite Micro has, and those that the engine has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


_SIGNAL = (
    "Delay", "Energy", "FftAutoScale", "FilterBank", "FilterBankLog",
    "FilterBankSpectralSubtraction", "FilterBankSquareRoot", "Framer", "Irfft", "OverlapAdd",
    "PCAN", "Rfft", "Stacker", "Window",
)  # fmt: skip

#: Custom operators that the tflite-micro wheel registers.
TFLM: Final = ("TFLite_Detection_PostProcess", *(f"Signal{name}" for name in _SIGNAL))

_FRONT_END: Final = (
    "the front end of micro speech, whose fixed-point FFT has no counterpart in the engine; "
    "compute the features outside of the model, or take a board with runtime tflm"
)

#: Why the engine lacks what TensorFlow Lite Micro has.
LACKING: Final[Mapping[str, str]] = {f"Signal{name}": _FRONT_END for name in _SIGNAL}

#: Custom operators of the engine.
ENGINE: Final = frozenset(TFLM) - frozenset(LACKING)

#: Custom operators that no runtime here has, with what they are.
_FOREIGN: Final[Mapping[str, str]] = {
    "ethos-u": "the model was compiled by Vela for an Ethos-U; give the .tflite that Vela was "
    "given",
    "edgetpu-custom-op": "the model was compiled for an Edge TPU; give the .tflite that its "
    "compiler was given",
}


def why_not(custom: str) -> str:
    """Return why a runtime lacks a custom operator, as a clause after a colon."""
    found = LACKING.get(custom) or _FOREIGN.get(custom)
    if found:
        return found
    if custom.startswith("Flex"):
        return (
            "it is an operator of TensorFlow itself, which no microcontroller runs; convert "
            "without SELECT_TF_OPS"
        )
    return "its kernel is not part of TensorFlow Lite Micro; build the model of other layers"
