"""The pack that pyOCD is given: the algorithm that the pack calls the default, and no other.

No pack can be downloaded here. The one below is laid out as Keil.STM32L4xx_DFP 2.6.2, as pyOCD
issue 1628 quotes it; its flash algorithms do nothing, but say how large sectors are.
"""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_tinyquant.boards.debug.cmsis_pack import check_bank_mode
from pytest_tinyquant.boards.debug.cmsis_pack import default_algorithms_only
from pytest_tinyquant.boards.debug.cmsis_pack import session_options
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.toolchain import find_toolchain


TARGET = "stm32l4r5zitx"
DUAL, SINGLE = 0x1000, 0x2000

PDSC = """<?xml version="1.0" encoding="utf-8"?>
<package schemaVersion="1.4" xmlns:xs="http://www.w3.org/2001/XMLSchema-instance">
 <vendor>Keil</vendor><name>STM32L4xx_DFP</name>
 <releases><release version="2.6.2" date="2023-06-27">mock</release></releases>
 <devices><family Dfamily="STM32L4 Series" Dvendor="STMicroelectronics:13">
  <processor Dcore="Cortex-M4" DcoreVersion="r0p1" Dfpu="1" Dmpu="1" Dendian="Little-endian"/>
  <subFamily DsubFamily="STM32L4R5"><device Dname="STM32L4R5ZITx">
   <memory name="Main_Flash" access="rx" start="0x08000000" size="0x00200000" default="1"
           startup="1"/>
   <memory name="SRAM" access="rwx" start="0x20000000" size="0x000A0000" default="1"/>
   {algorithms}
  </device></subFamily></family></devices>
</package>
"""
ALGORITHM = (
    '<algorithm name="CMSIS/Flash/{name}.FLM" start="0x08000000" size="0x00200000" '
    'RAMstart="0x20000000" RAMsize="0x8000" default="{default}"/>'
)
FLM = """
__attribute__((section("PrgCode"), used)) int Init(void) {{ return 0; }}
__attribute__((section("PrgCode"), used)) int UnInit(void) {{ return 0; }}
__attribute__((section("PrgCode"), used)) int EraseSector(void) {{ return 0; }}
__attribute__((section("PrgCode"), used)) int ProgramPage(void) {{ return 0; }}
struct sector {{ unsigned size, address; }};
struct device {{
  unsigned short version; char name[128]; unsigned short type;
  unsigned address, size, page, reserved; unsigned char empty;
  unsigned program_timeout, erase_timeout; struct sector sectors[2];
}};
__attribute__((section("DevDscr"), used)) const struct device FlashDevice = {{
  0x101, "mock", 1, 0x08000000, 0x200000, 1024, 0, 0xFF, 100, 1000,
  {{{{ {sector}, 0 }}, {{ 0xFFFFFFFF, 0xFFFFFFFF }}}}}};
"""


@pytest.fixture(scope="module")
def algorithms(tmp_path_factory: pytest.TempPathFactory) -> dict[int, bytes]:
    """The two flash algorithms by the size of the sectors that they erase."""
    compiler = find_toolchain("cortex-m4").cc
    directory = tmp_path_factory.mktemp("flm")
    found = {}
    for sector in (DUAL, SINGLE):
        source, flm = directory / f"{sector}.c", directory / f"{sector}.FLM"
        source.write_text(FLM.format(sector=sector))
        sections = "-Wl,--section-start=PrgCode=0,--section-start=DevDscr=0x1000"
        command = [str(compiler), "-mcpu=cortex-m4", "-nostdlib", "-Wl,-eInit", sections]
        subprocess.run([*command, str(source), "-o", str(flm)], check=True)
        found[sector] = flm.read_bytes()
    return found


def write_pack(path: Path, algorithms: dict[int, bytes], defaults: tuple[int, int]) -> Path:
    """Write a pack with the dual-bank algorithm first and the single-bank one last."""
    names = {DUAL: "STM32L4Rx_2048_Dual", SINGLE: "STM32L4Rx_2048_Single"}
    rows = [
        ALGORITHM.format(name=names[sector], default=default)
        for sector, default in zip((DUAL, SINGLE), defaults, strict=True)
    ]
    with zipfile.ZipFile(path, "w") as pack:
        pack.writestr("Keil.STM32L4xx_DFP.pdsc", PDSC.format(algorithms="\n".join(rows)))
        pack.writestr("Documents/large.pdf", bytes(100_000))
        for sector, content in algorithms.items():
            pack.writestr(f"CMSIS/Flash/{names[sector]}.FLM", content)
    return path


def sector_size(pack: object) -> int:
    """Return the sector size with which pyOCD would program the chip."""
    from pyocd.target.pack.cmsis_pack import CmsisPack

    (device,) = CmsisPack(pack).devices
    ((_, size),) = device.memory_map.get_boot_memory().flm.sector_sizes
    return int(size)


@pytest.fixture
def pack(tmp_path: Path, algorithms: dict[int, bytes]) -> Path:
    return write_pack(tmp_path / "Keil.STM32L4xx_DFP.2.6.2.pack", algorithms, (1, 0))


def test_pyocd_alone_takes_the_last_algorithm(pack: Path) -> None:
    """If this fails, pyOCD has mended its issue 1628, and the copy is no longer needed."""
    assert sector_size(str(pack)) == SINGLE


def test_the_copy_has_the_default_algorithm(pack: Path) -> None:
    assert sector_size(default_algorithms_only(pack)) == DUAL


def test_the_copy_leaves_out_what_pyocd_does_not_read(pack: Path) -> None:
    assert len(default_algorithms_only(pack).getvalue()) < pack.stat().st_size / 2


@pytest.mark.parametrize("defaults", [(0, 0), (1, 1)])
def test_without_one_default_nothing_is_decided(
    tmp_path: Path, algorithms: dict[int, bytes], defaults: tuple[int, int]
) -> None:
    pack = write_pack(tmp_path / "p.pack", algorithms, defaults)
    assert sector_size(default_algorithms_only(pack)) == SINGLE


def test_a_session_gets_the_copy(pack: Path) -> None:
    options = session_options(TARGET, pack)
    assert sector_size(options["pack"][0]) == DUAL
    assert options["connect_mode"] == "under-reset"


def test_a_built_in_target_needs_no_pack() -> None:
    assert session_options("cortex_m", None) == {}


def test_a_missing_pack_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolchainNotFoundError, match=r"no\.pack is not there; correct 'pack'"):
        session_options(TARGET, tmp_path / "no.pack")
    from pyocd.target.pack.pack_target import ManagedPacks

    monkeypatch.setattr(ManagedPacks, "get_installed_packs", lambda cache: [])
    with pytest.raises(ToolchainNotFoundError, match=f"pyocd pack install {TARGET}"):
        session_options(TARGET, None)


def test_a_pack_in_pyocds_cache_is_corrected_as_well(
    pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cmsis_pack_manager
    from pyocd.target.pack.pack_target import ManagedPacks

    cache = SimpleNamespace(data_path=str(pack.parent))
    reference = SimpleNamespace(get_pack_name=lambda: pack.name)
    monkeypatch.setattr(cmsis_pack_manager, "Cache", lambda *_: cache)
    monkeypatch.setattr(ManagedPacks, "get_installed_packs", lambda cache: [reference])
    assert sector_size(session_options(TARGET, None)["pack"][0]) == DUAL


def test_a_damaged_pack_is_named(tmp_path: Path) -> None:
    file = tmp_path / "half.pack"
    file.write_bytes(b"PK\x03\x04 half a download")
    with pytest.raises(ToolchainNotFoundError, match=r"half\.pack cannot be read .*download it"):
        session_options(TARGET, file)


def test_the_pack_of_another_chip_is_refused(pack: Path) -> None:
    with pytest.raises(ToolchainNotFoundError, match="does not describe stm32f405"):
        session_options("stm32f405rgtx", pack)


@pytest.mark.parametrize(("target", "option_register"), [(TARGET, 1 << 22), ("cortex_m", 0)])
def test_dual_bank_mode_is_right(target: str, option_register: int) -> None:
    debugger = SimpleNamespace(read=lambda address, size: option_register.to_bytes(size, "little"))
    check_bank_mode(debugger, target, "b")


def test_a_chip_in_single_bank_mode_is_not_programmed() -> None:
    debugger = SimpleNamespace(read=lambda address, size: bytes(size))
    with pytest.raises(FlashError, match=r"single-bank mode .*DBANK"):
        check_bank_mode(debugger, TARGET, "b")
