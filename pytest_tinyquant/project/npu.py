"""The NPU of a board: what its ``npu`` table in boards.toml says to the compiler."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.system.toml_table import Table


#: The accelerators that Vela 5 compiles for.
ACCELERATORS: Final = (
    *(f"ethos-u55-{macs}" for macs in (32, 64, 128, 256)),
    *(f"ethos-u65-{macs}" for macs in (256, 512)),
    *(f"ethos-u85-{macs}" for macs in (128, 256, 512, 1024, 2048)),
)

#: The configuration that comes with Vela: what it calls systems and memory modes.
BUILT_IN_CONFIG: Final = "Arm/vela.ini"


@dataclass(frozen=True)
class Npu:
    """An Ethos-U and the system around it.

    :param accelerator: one of :data:`ACCELERATORS`.
    :param system_config: clock and memories, a section ``System_Config.NAME`` of the configuration.
    :param memory_mode: what lies in which memory, a section ``Memory_Mode.NAME``.
    :param config: the user's configuration; None for the one that comes with Vela.
    """

    accelerator: str
    system_config: str
    memory_mode: str
    config: Path | None = None


_KEYS: Final = ("accelerator", "system_config", "memory_mode", "config")


def read_npu(table: Table, base: Npu | None) -> Npu | None:
    """Return the NPU of the board that `table` defines; keys it leaves out are those of `base`.

    A path is relative to the file. Whether the configuration has such sections is asked when a
    model is compiled: only Vela knows.

    :returns: None where neither has any.
    :raises ConfigurationError: a key is unknown or missing, or there is no such accelerator.
    """
    if "npu" not in table.values:
        return base
    own = table.table("npu")
    own.allow(_KEYS)
    accelerator = own.get("accelerator", str, base.accelerator if base else None)
    config = base.config if base else None
    if "config" in own.values:
        config = (table.file.parent / own.get("config", str)).resolve()
    return Npu(
        accelerator=own.choice("accelerator", accelerator, ACCELERATORS),
        system_config=own.get("system_config", str, base.system_config if base else None),
        memory_mode=own.get("memory_mode", str, base.memory_mode if base else None),
        config=config,
    )
