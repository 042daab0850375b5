"""What a board's core and flash cost in time: the keys of its ``timing`` table in boards.toml."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from pytest_tinyquant.system.toml_table import Table


@dataclass(frozen=True)
class CoreTiming:
    """The clock and the memory that a model of the core needs beside the core itself.

    :param clock_hz: the clock at which cycles become milliseconds.
    :param wait_states: cycles that one read of the flash takes beyond the first.
    :param read_bits: what one read of the flash delivers; where a chip's flash can be one bank or
        two, its reads are twice as wide in one.
    :param instruction_cache_lines: lines of the instruction cache before the flash; 0: no cache.
    :param data_cache_lines: lines of the data cache before the flash; 0: no cache.
    :param cache_line_bytes: bytes of a line of either.
    """

    clock_hz: int
    wait_states: int
    read_bits: int
    instruction_cache_lines: int
    data_cache_lines: int
    cache_line_bytes: int


_KEYS = tuple(field.name for field in dataclasses.fields(CoreTiming))
_MAY_BE_ZERO = ("wait_states", "instruction_cache_lines", "data_cache_lines")
_CHUNKS_OF_A_LINE = 32


def read_timing(table: Table, base: CoreTiming | None) -> CoreTiming | None:
    """Return the timing of the board that `table` defines; keys it leaves out are those of `base`.

    :returns: None where neither has any.
    :raises ConfigurationError: a key is unknown, missing or out of range.
    """
    if "timing" not in table.values:
        return base
    own = table.table("timing")
    own.allow(_KEYS)
    values = {}
    for key in _KEYS:
        default = getattr(base, key) if base else None
        if key in _MAY_BE_ZERO:
            values[key] = own.get(key, int, default)
            if values[key] < 0:
                raise own.error(f"key {key!r} must not be negative, but it is {values[key]}")
        else:
            values[key] = own.positive(key, default)
    timing = CoreTiming(**values)
    _check_widths(own, timing)
    return timing


def _check_widths(table: Table, timing: CoreTiming) -> None:
    """Raise unless a cache line holds a whole number of reads."""
    chunk, rest = divmod(timing.read_bits, 8)
    if rest or chunk & (chunk - 1):
        raise table.error(
            f"key 'read_bits' must be 8 times a power of two, not {timing.read_bits}; correct it"
        )
    if timing.cache_line_bytes % chunk or timing.cache_line_bytes // chunk > _CHUNKS_OF_A_LINE:
        raise table.error(
            f"a cache line of {timing.cache_line_bytes} bytes is not 1 to {_CHUNKS_OF_A_LINE} "
            f"reads of {timing.read_bits} bits; correct 'cache_line_bytes' or 'read_bits'"
        )
