"""The keys of a board's table in a boards.toml that hold more than a text or a number.

Each function is given what the board that this one changes has, and returns that where the table
is silent.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.system.toml_table import Table


if TYPE_CHECKING:
    from pytest_tinyquant.metrics.limits import Limit


def read_metrics(table: Table, before: tuple[str, ...]) -> tuple[str, ...]:
    """Return the metrics that can be measured on the board; a new board names at least one."""
    if "metrics" not in table.values and before:
        return before
    metrics = table.array("metrics", str)
    for metric in metrics:
        table.choice("metrics", metric, METRICS)
    if not metrics:
        raise table.error("key 'metrics' must name at least one metric")
    return metrics


def read_limits(table: Table, before: tuple[Limit, ...]) -> tuple[Limit, ...]:
    """Return what every model's metrics on this board may be at most."""
    limit = table.table("limit")
    if not limit.values:
        return before
    from pytest_tinyquant.metrics.limits import parse_limits

    limits = parse_limits(limit.values, source=f"{table.file.name}: {limit.label}")
    return tuple(dataclasses.replace(each, board=table.label.strip("[]")) for each in limits)


def read_spare_arena(table: Table, before: int) -> int:
    """Return the bytes by which the arena may grow."""
    spare = table.get("spare_arena_bytes", int, before)
    if spare < 0:
        raise table.error(f"spare_arena_bytes = {spare} is negative; leave it out for none")
    return spare


def read_cflags(table: Table, before: tuple[str, ...]) -> tuple[str, ...]:
    """Return the compiler flags after those of the board's kind."""
    if "cflags" not in table.values:
        return before
    flags = table.array("cflags", str)
    for flag in flags:
        if ";" in flag or not flag.isprintable() or not flag:
            raise table.error(
                f"cflags: {flag!r} is no flag: CMake divides lists at ';'. Write each flag as a "
                "text of its own"
            )
    return flags


def read_kernels(table: Table, before: str, set_before: str) -> tuple[str, str]:
    """Return the kernel set, or a directory of kernels with the set that has all others.

    A path in the table is relative to the file it stands in. Without a word, the set beside a
    directory is the one that the board had before.
    """
    kernels = table.get("kernels", str, before)
    if "kernels" in table.values:
        if "/" in kernels:
            set_before = set_before if Path(before).is_absolute() else before
            kernels = _directory(table, kernels)
        else:
            set_before = ""
    if "kernel_set" not in table.values:
        return kernels, set_before
    if not Path(kernels).is_absolute():
        raise table.error(
            f"key 'kernel_set' is the set beside a directory of kernels; with kernels = "
            f"{kernels!r} there is none: remove it"
        )
    from pytest_tinyquant.engine.lowering import SETS

    return kernels, table.choice("kernel_set", table.get("kernel_set", str, ""), SETS)


def _directory(table: Table, kernels: str) -> str:
    directory = (table.file.parent / kernels).resolve()
    if not directory.is_dir():
        raise ConfigurationError(
            f"{table.file}: {table.label}: kernels {kernels!r}: {directory} is not a directory; "
            "correct the path or name a built-in kernel set"
        )
    return str(directory)
