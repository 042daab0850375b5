"""pyOCD probe plug-in: a QEMU machine as if it hung on a debug probe.

pyOCD finds it by the entry point group ``pyocd.probe``. A probe is selected by the unique id
``tqqemu:HOST:PORT`` of a gdb stub and appears in no listing. With it the code that programs and
drives a real board runs unchanged against the emulator.

A test of the bench itself needs probes that are attached, in whatever process looks: those that
:data:`LISTED_VARIABLE` names have an id of their own and are listed like a real probe.

``import pyocd`` loads all plug-ins, this one too. So this module must not import pyOCD itself, or
the two would wait for each other: :class:`QemuProbePlugin` is made when it is asked for.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

from pytest_tinyquant.boards.debug.pyocd_names import PROBE_TYPE


def register() -> None:
    """Make pyOCD know the plug-in where its entry point did not: the package is not installed."""
    from pyocd.probe.aggregator import PROBE_CLASSES

    if PROBE_TYPE not in PROBE_CLASSES:
        PROBE_CLASSES[PROBE_TYPE] = _plugin_class()().load()


def __getattr__(name: str) -> Any:
    if name == "QemuProbePlugin":
        return _plugin_class()
    raise AttributeError(name)


@functools.cache
def _plugin_class() -> Any:
    from pyocd.core.plugin import Plugin

    class QemuProbePlugin(Plugin):  # type: ignore[misc]
        """What the entry point names; pyOCD loads it with its list of probe types."""

        @property
        def name(self) -> str:
            """Prefix of the unique ids."""
            return PROBE_TYPE

        @property
        def description(self) -> str:
            """One line for ``pyocd list --plugins``."""
            return "QEMU machine behind a gdb stub (pytest-tinyquant)"

        def should_load(self) -> bool:
            """Pass while a module of the probe is what imports pyOCD; register() makes up."""
            try:
                probe = importlib.import_module("pytest_tinyquant.boards.debug.pyocd_qemu")
            except ImportError:
                return False
            return hasattr(probe, "QemuProbe")

        def load(self) -> Any:
            """Register the targets and return the probe class."""
            from pyocd.target import TARGET

            from pytest_tinyquant.boards.debug.pyocd_qemu import QemuProbe
            from pytest_tinyquant.boards.debug.pyocd_targets import MACHINE_TARGETS

            TARGET.update(MACHINE_TARGETS)
            return QemuProbe

    return QemuProbePlugin
