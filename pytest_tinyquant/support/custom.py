"""Custom operators: those of TensorFlow Lite Micro, all of which the engine has too."""

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

#: Those of the engine: all of them.
ENGINE: Final = frozenset(TFLM)

#: Custom operators that no runtime here has, with what they are.
_FOREIGN: Final[Mapping[str, str]] = {
    "ethos-u": "the model was compiled by Vela for an Ethos-U; give the .tflite that Vela was "
    "given",
    "edgetpu-custom-op": "the model was compiled for an Edge TPU; give the .tflite that its "
    "compiler was given",
}


def why_not(custom: str) -> str:
    """Return why a runtime lacks a custom operator, as a clause after a colon."""
    if custom in _FOREIGN:
        return _FOREIGN[custom]
    if custom.startswith("Flex"):
        return (
            "it is an operator of TensorFlow itself, which no microcontroller runs; convert "
            "without SELECT_TF_OPS"
        )
    return "its kernel is not part of TensorFlow Lite Micro; build the model of other layers"
