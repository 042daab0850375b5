"""CMSIS-Packs, from which pyOCD takes a chip's memory map and flash algorithm.

Of several algorithms for one range pyOCD 0.46 takes the last, whatever ``default`` says (pyOCD
issue 1628). Keil's STM32L4xx_DFP lists the dual-bank algorithm of the STM32L4R5, which is the
default, and after it the single-bank one: on a chip in dual-bank mode that takes two sectors for
one. So pyOCD is given a copy of the pack that holds defaults only.
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import ToolchainNotFoundError


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import Debugger

_TRUE = ("1", "true")
_KEPT = (".pdsc", ".flm")

# RM0432, Flash option register.
_STM32L4R5 = "stm32l4r5"
_FLASH_OPTR, _DBANK = 0x40022020, 1 << 22


def session_options(target: str, pack: Path | None) -> dict[str, Any]:
    """Return pyOCD's session options for the real chip ``target``.

    :param pack: the chip's CMSIS-Pack; None for the one in pyOCD's own cache.
    :raises ToolchainNotFoundError: there is no pack, it is damaged or is another chip's.
    """
    from pyocd.target import TARGET

    if pack is None and target in TARGET:
        return {}
    found = pack or _installed_pack(target)
    corrected = default_algorithms_only(found)
    if target not in _targets(corrected):
        raise ToolchainNotFoundError(
            f"{found} does not describe {target}; set 'pack' in the board's row of boards.toml to "
            "the pack of its chip"
        )
    # The firmware sleeps when it has finished: connecting has to hold the chip in reset.
    return {"pack": [corrected], "connect_mode": "under-reset"}


def default_algorithms_only(pack: Path) -> io.BytesIO:
    """Return a pack like ``pack``, in which each flash range has one algorithm: the default.

    :raises ToolchainNotFoundError: it is not there, or is no CMSIS-Pack.
    """
    copy = io.BytesIO()
    try:
        with zipfile.ZipFile(pack) as source, zipfile.ZipFile(copy, "w") as target:
            names = [name for name in source.namelist() if name.lower().endswith(_KEPT)]
            if not any(name.lower().endswith(".pdsc") for name in names):
                raise zipfile.BadZipFile("it holds no .pdsc file")
            for name in names:
                content = source.read(name)
                if name.lower().endswith(".pdsc"):
                    content = _without_alternatives(content)
                target.writestr(name, content)
    except FileNotFoundError as error:
        raise ToolchainNotFoundError(
            f"the CMSIS-Pack {pack} is not there; correct 'pack' in the board's row of boards.toml"
        ) from error
    except (zipfile.BadZipFile, ET.ParseError, OSError) as error:
        raise ToolchainNotFoundError(
            f"the CMSIS-Pack {pack} cannot be read ({error}); download it again"
        ) from error
    copy.seek(0)
    return copy


def check_bank_mode(debugger: Debugger, target: str, where: str) -> None:
    """Check that the flash has the sectors that the pack's default algorithm erases.

    :raises FlashError: an STM32L4R5 is in single-bank mode, where sectors are twice as large.
    """
    if not target.startswith(_STM32L4R5):
        return
    if not int.from_bytes(debugger.read(_FLASH_OPTR, 4), "little") & _DBANK:
        raise FlashError(
            f"{where}: the flash is in single-bank mode (option bit DBANK is 0), the default "
            "algorithm of its CMSIS-Pack is for dual-bank mode, in which the chip is delivered; "
            "set DBANK with STM32CubeProgrammer"
        )


def _without_alternatives(pdsc: bytes) -> bytes:
    """Return a pack's description without what a default algorithm of the same range replaces."""
    root = ET.fromstring(pdsc)
    for element in root.iter():
        by_range: defaultdict[tuple[int, int], list[ET.Element]] = defaultdict(list)
        for algorithm in element.findall("algorithm"):
            start, size = (int(algorithm.get(key, "0"), 0) for key in ("start", "size"))
            by_range[start, size].append(algorithm)
        for algorithms in by_range.values():
            defaults = [a for a in algorithms if a.get("default", "").lower() in _TRUE]
            for alternative in algorithms if len(defaults) == 1 else []:
                if alternative is not defaults[0]:
                    element.remove(alternative)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _targets(pack: io.BytesIO | Path) -> set[str]:
    """Return pyOCD's names of the targets that a pack describes."""
    from pyocd.target.pack.cmsis_pack import CmsisPack

    devices = CmsisPack(pack).devices
    return {device.part_number.lower() for device in devices}


def _installed_pack(target: str) -> Path:
    """Return the pack in pyOCD's cache that describes ``target``."""
    import cmsis_pack_manager
    from pyocd.target.pack.pack_target import ManagedPacks

    cache = cmsis_pack_manager.Cache(True, True)
    for reference in ManagedPacks.get_installed_packs(cache):
        path = Path(cache.data_path, str(reference.get_pack_name()))
        if target in _targets(path):
            return path
    raise ToolchainNotFoundError(
        f"pyOCD knows no chip {target}: its CMSIS-Pack is not installed. Run 'pyocd pack install "
        f"{target}' once on a machine with a network, or download the pack and set pack = "
        '"FILE.pack" in the board\'s row of boards.toml'
    )
