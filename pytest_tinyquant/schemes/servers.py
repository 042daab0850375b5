"""The processes that convert models and compute references, one for each set of packages."""

from __future__ import annotations

from typing import Final

from pytest_tinyquant.schemes.child_process import ForkServer
from pytest_tinyquant.schemes.exchange import ENVIRONMENT


_ROOM: Final = "pytest_tinyquant.schemes"

#: By what they have imported. The first call starts one, and it ends by itself when idle.
SERVERS: Final = {
    "tensorflow": ForkServer((f"{_ROOM}.converter_process",), ENVIRONMENT),
    "litert": ForkServer(
        (f"{_ROOM}.interpreter_process", "ai_edge_litert.interpreter"), ENVIRONMENT, extra="litert"
    ),
    "quantizer": ForkServer((f"{_ROOM}.recipe_process",), ENVIRONMENT, extra="quantizer"),
    # The package that compresses knows the Keras of before only.
    "compression": ForkServer(
        (f"{_ROOM}.compress_process",),
        {**ENVIRONMENT, "TF_USE_LEGACY_KERAS": "1"},
        extra="compress",
    ),
    "torch": ForkServer((), {**ENVIRONMENT, "JAX_PLATFORMS": "cpu"}),
}
