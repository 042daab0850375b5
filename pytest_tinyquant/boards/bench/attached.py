"""Which boards of the bench are attached now."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pytest_tinyquant.errors import BoardNotFoundError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.project.bench import PYOCD
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.board_types import Board


def attached(bench: Iterable[PhysicalBoard]) -> tuple[PhysicalBoard, ...]:
    """Return the boards of `bench` that are attached; nothing is opened.

    A board behind a probe that pyOCD knows is where its probe is, any other one where its port is.
    A place of labgrid is taken to be there: only labgrid knows, when asked for it.
    """
    bench = tuple(bench)
    local = [physical for physical in bench if not physical.labgrid]
    probes = _probe_ids() if any(physical.flasher == PYOCD for physical in local) else set()
    return tuple(physical for physical in bench if _is_there(physical, probes))


def reachable(board: Board, bench: Iterable[PhysicalBoard]) -> tuple[PhysicalBoard, ...]:
    """Return the attached boards of `board`'s type, at least one.

    :raises BoardNotFoundError: there is none, with what is configured and what is attached.
    """
    candidates = [physical for physical in bench if physical.type == board.name]
    if not candidates:
        raise BoardNotFoundError(
            f"{board.name}: no such board is on this bench; add a [[bench]] row with type = "
            f'"{board.name}" to ~/.config/pytest-tinyquant/boards.toml. {_what_is_attached()}'
        )
    if board.is_metered:
        candidates = _with_meter(board, candidates)
    if not board.chip:
        raise BoardNotFoundError(
            f"{board.name}: there is no firmware for real boards of this type: it has no 'chip'; "
            "leave out --tq-target hardware"
        )
    found = attached(candidates)
    if not found:
        rows = ", ".join(
            f"{physical.name} ({physical.probe or physical.port})" for physical in candidates
        )
        raise BoardNotFoundError(
            f"{board.name}: none of the boards of this bench is attached: {rows}. "
            f"{_what_is_attached()}"
        )
    return found


def _with_meter(board: Board, rows: list[PhysicalBoard]) -> list[PhysicalBoard]:
    """Return the rows with a power meter, at least one.

    :raises BoardNotFoundError: there is none.
    """
    found = [physical for physical in rows if physical.energy]
    if not found:
        names = ", ".join(physical.name for physical in rows)
        raise BoardNotFoundError(
            f"{board.name}: one of its metrics needs a power meter, and no row of this bench has "
            f'one ({names}); add energy = "ppk2", "joulescope" or a command to a row, or take the '
            "metric out of the board's metrics"
        )
    return found


def _is_there(physical: PhysicalBoard, probes: set[str]) -> bool:
    if physical.labgrid:
        return True
    return physical.lease_id in probes if physical.flasher == PYOCD else _has_port(physical)


def _has_port(physical: PhysicalBoard) -> bool:
    """Tell whether a board's serial port is there; that behind a URL is taken to be."""
    from pytest_tinyquant.boards.console.serial_port import find_port

    try:
        port = find_port(physical.port)
    except BoardNotFoundError:
        return False
    return "://" in port or Path(port).exists()


def _probe_ids() -> set[str]:
    """Return the unique ids of the attached probes, none if nothing can look for them."""
    from pytest_tinyquant.boards.debug.pyocd_session import attached_probes

    try:
        return {probe.unique_id.casefold() for probe in attached_probes()}
    except ToolchainNotFoundError:
        return set()


def _what_is_attached() -> str:
    from pytest_tinyquant.boards.debug.pyocd_session import attached_text

    try:
        return f"Attached debug probes: {attached_text()}"
    except ToolchainNotFoundError as error:
        return str(error)
