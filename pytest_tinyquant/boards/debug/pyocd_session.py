"""Opening of pyOCD sessions that never wait, never ask and never print."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import ToolchainNotFoundError


def import_pyocd() -> Any:
    """Import pyOCD and return its exceptions; raises :class:`ToolchainNotFoundError`."""
    try:
        from pyocd.core import exceptions
    except ImportError as error:
        raise ToolchainNotFoundError(
            f"pyOCD cannot be imported ({error}); install it with:"
            " pip install 'pytest-tinyquant[emulation]'"
        ) from error
    return exceptions


@dataclass(frozen=True)
class AttachedProbe:
    """A debug probe that pyOCD finds."""

    unique_id: str
    description: str


def attached_probes() -> tuple[AttachedProbe, ...]:
    """Return the attached probes by id, without waiting for any.

    :raises ToolchainNotFoundError: pyOCD is not installed.
    """
    exceptions = import_pyocd()
    from pyocd.probe.aggregator import DebugProbeAggregator

    from pytest_tinyquant.boards.debug import pyocd_probe

    pyocd_probe.register()
    try:
        with captured_log():
            probes = DebugProbeAggregator.get_all_connected_probes()
    except exceptions.Error as error:
        raise BoardNotFoundError(f"debug probes cannot be listed: {error}") from error
    found = {
        AttachedProbe(probe.unique_id, f"{probe.vendor_name} {probe.product_name}")
        for probe in probes
    }
    return tuple(sorted(found, key=lambda probe: (probe.unique_id, probe.description)))


def attached_text() -> str:
    """Return the attached probes in words."""
    return ", ".join(f"{p.unique_id} ({p.description})" for p in attached_probes()) or "none"


def open_session(unique_id: str, target: str, options: Mapping[str, Any]) -> Any:
    """Open a session with the one probe that has exactly this id.

    :param unique_id: full unique id, with the probe type in front where pyOCD wants one.
    :param target: pyOCD's name of the target.
    :raises BoardNotFoundError: not exactly one such probe is attached.
    """
    from pyocd.core import exceptions
    from pyocd.core.session import Session
    from pyocd.probe.aggregator import DebugProbeAggregator

    from pytest_tinyquant.boards.debug import pyocd_probe
    from pytest_tinyquant.boards.debug import remote_probe

    pyocd_probe.register()
    if unique_id.startswith(remote_probe.PREFIX):
        remote_probe.mend()
    try:
        found = DebugProbeAggregator.get_all_connected_probes(unique_id)
    except exceptions.Error as error:
        raise BoardNotFoundError(f"no debug probe {unique_id!r}: {error}") from error
    names = (unique_id, unique_id.partition(":")[2])
    probes = [probe for probe in found if probe.unique_id in names]
    if len(probes) != 1:
        raise BoardNotFoundError(
            f"{len(probes)} debug probes have the unique id {unique_id!r}; attached are: "
            f"{attached_text()}. Attach the board, or correct its probe in boards.toml"
        )
    session = Session(
        probes[0],
        options={
            "target_override": target,
            "project_dir": os.getcwd(),  # the session changes into it
            "no_config": True,
            "hide_programming_progress": True,
            "auto_unlock": False,
            "resume_on_disconnect": False,
            "reset.post_delay": 0.0,
            **options,
        },
    )
    session.open()
    return session


@contextlib.contextmanager
def captured_log() -> Iterator[list[str]]:
    """Collect pyOCD's warnings in a ``with`` block, and keep them off the terminal.

    Handlers that the application installed get them as well.
    """
    handler = _Collector()
    logger = logging.getLogger("pyocd")
    logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")
