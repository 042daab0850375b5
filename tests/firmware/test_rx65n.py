"""The RX65N's clocks and console against its user's manual (hardware).

As in test_stm32l4r5.py: the firmware's C code runs on the host, and the peripherals below check
after every write whether the manual allows what it does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_tinyquant.firmware.sources import firmware_sources


MSTPCRC, SCKCR, SCKCR3 = 0x80018, 0x80020, 0x80026
PLLCR, PLLCR2, MOSCCR = 0x80028, 0x8002A, 0x80032
HOCOCR, HOCOCR2, OSCOVFSR = 0x80036, 0x80037, 0x8003C
ROMCE, ROMCIV, ROMWT = 0x81000, 0x81004, 0x8101C
PRCR = 0x803FE
SCI8 = 0x8A100
SMR, BRR, SCR, TDR, SSR, SEMR = (SCI8 + offset for offset in (0, 1, 2, 3, 4, 7))
PORTC_PMR, PWPR, PC7PFS = 0x8C06C, 0x8C11F, 0x8C1A7

LOCO_HZ = 240e3
WIDTHS = {SCKCR: 4, MSTPCRC: 4, SCKCR3: 2, PLLCR: 2, PRCR: 2, ROMCE: 2, ROMCIV: 2}
CLOCK_REGISTERS = (SCKCR, SCKCR3, PLLCR, PLLCR2, MOSCCR, HOCOCR, HOCOCR2, ROMWT)


class Rx65n:
    """Clock generation, protection, ROM cache, MPC and SCI8 of the chip after a reset.

    :param crystal_hz: the crystal that the board carries; 0 for none.
    :param broken: flags that never come: ``HOCO``, ``PLL``.
    """

    def __init__(self, *, crystal_hz: int = 0, broken: str = "") -> None:
        self.registers = {
            PLLCR2: 1,
            MOSCCR: 1,
            HOCOCR: 1,
            SSR: 0x84,
            PWPR: 0x80,
            MSTPCRC: 0xFFFF0000,
            ROMCE: 0,
        }
        self.violations: list[str] = []
        self.sent = b""
        self._crystal_hz = crystal_hz
        self._broken = broken

    def get(self, address: int) -> int:
        return self.registers.get(address, 0)

    def check(self, holds: bool, what: str) -> None:
        if not holds:
            self.violations.append(what)

    @property
    def pll_hz(self) -> float:
        value = self.get(PLLCR)
        hoco = {0: 16e6, 1: 18e6, 2: 20e6}[self.get(HOCOCR2)]
        source = hoco if value >> 4 & 1 else self._crystal_hz
        hz = source / ((value & 3) + 1) * ((value >> 8 & 0x3F) + 1) / 2
        self.check(120e6 <= hz <= 240e6, f"PLL at {hz / 1e6} MHz")
        return hz

    def hz(self, shift: int) -> float:
        """Return the frequency of the clock whose divider is at ``shift`` in SCKCR."""
        source = self.pll_hz if self.get(SCKCR3) >> 8 & 7 == 4 else LOCO_HZ
        return source / (1 << (self.get(SCKCR) >> shift & 0xF))

    @property
    def core_hz(self) -> float:
        return self.hz(24)

    def read(self, address: int, size: int) -> int:
        assert size == WIDTHS.get(address, 1), hex(address)
        if address == OSCOVFSR:
            hoco = self.get(HOCOCR) == 0 and "HOCO" not in self._broken
            pll = self.get(PLLCR2) == 0 and "PLL" not in self._broken
            crystal = self.get(MOSCCR) == 0 and self._crystal_hz > 0
            return crystal | pll << 2 | hoco << 3
        if address == ROMCIV:
            return 0
        return self.get(address)

    def write(self, address: int, value: int, size: int) -> None:
        assert size == WIDTHS.get(address, 1), hex(address)
        self._before_write(address, value)
        self.registers[address] = value & 0xFF if address == PRCR else value
        self._rules()

    def _before_write(self, address: int, value: int) -> None:
        if address == PRCR:
            self.check(value >> 8 == 0xA5, "PRCR written without its key")
        if address in CLOCK_REGISTERS:
            self.check(bool(self.get(PRCR) & 1), f"{address:#x} written while PRC0 protects it")
        if address == MSTPCRC:
            self.check(bool(self.get(PRCR) & 2), "MSTPCRC written while PRC1 protects it")
        if address == HOCOCR2:
            self.check(self.get(HOCOCR) == 1, "HOCO's frequency changed while it runs")
        if address == PLLCR:
            self.check(self.get(PLLCR2) == 1, "PLL configured while it runs")
        if address == SCKCR3:
            self.check(bool(self.read(OSCOVFSR, 1) & 4), "switched to a PLL that is not stable")
        if address == ROMCE and value:
            self.check(self.get(ROMCIV) == 1, "ROM cache on before it was invalidated")
        if address in range(SCI8, SCI8 + 8):
            self.check(not self.get(MSTPCRC) >> 27 & 1, "SCI8 written while it is stopped")
        if address in (SMR, BRR, SEMR):
            self.check(not self.get(SCR) & 0x30, "bit rate changed while SCI8 sends")
        if address == PWPR and value == 0x40:
            self.check(self.get(PWPR) == 0, "PFSWE set while B0WI protects it")
        if address == PC7PFS:
            self.check(self.get(PWPR) == 0x40, "PC7PFS written while PWPR protects it")
            self.check(not self.get(PORTC_PMR) & 0x80, "function of PC7 changed while it is used")
        if address == TDR:
            self.check(bool(self.get(SCR) & 0x20), "sent before TE was set")
            self.sent += bytes([value])

    def _rules(self) -> None:
        """Check what must hold at every moment (Clock Generation Circuit; ROM wait cycles)."""
        core = self.core_hz
        self.check(core <= 120e6, f"ICLK at {core / 1e6} MHz")
        for name, shift in (("FCLK", 28), ("PCLKB", 8), ("PCLKC", 4), ("PCLKD", 0)):
            self.check(self.hz(shift) <= 60e6, f"{name} above 60 MHz")
        reach = {0: 50e6, 1: 100e6, 2: 120e6}[self.get(ROMWT)]
        self.check(core <= reach, f"ICLK at {core / 1e6} MHz with too few ROM waits")


@pytest.fixture
def clock(program: Callable[..., Any]) -> Callable[..., Any]:
    def connect(chip: Rx65n, *flags: str, source: str = "clock.c") -> Any:
        return program("rx65n", source, flags=flags).on(chip)

    return connect


@pytest.mark.parametrize("crystal_hz", [0, 12_000_000, 24_000_000])
def test_the_core_reaches_120_mhz_by_states_that_the_manual_allows(
    clock: Callable[..., Any], crystal_hz: int
) -> None:
    chip = Rx65n(crystal_hz=crystal_hz)
    firmware = clock(chip, f"-DTQ_CRYSTAL_HZ={crystal_hz}")
    assert firmware.text("tq_clock_to_120_mhz") is None
    assert chip.violations == []
    assert chip.core_hz == 120e6
    assert chip.hz(12) == 120e6, "PCLKA, which the cycle counter counts"
    assert chip.hz(8) == 60e6, "PCLKB, from which the console runs"
    assert chip.get(ROMCE) == 1
    assert chip.get(PRCR) & 3 == 0, "protected again"


@pytest.mark.parametrize(
    ("broken", "complaint"), [("PLL", "PLL does not lock"), ("HOCO", "HOCO does not start")]
)
def test_a_clock_that_never_comes_is_named_and_not_waited_for_for_ever(
    clock: Callable[..., Any], broken: str, complaint: str
) -> None:
    assert complaint in (clock(Rx65n(broken=broken)).text("tq_clock_to_120_mhz") or "")


def test_a_crystal_that_is_not_there_is_named(clock: Callable[..., Any]) -> None:
    firmware = clock(Rx65n(), "-DTQ_CRYSTAL_HZ=24000000")
    assert "crystal does not start" in (firmware.text("tq_clock_to_120_mhz") or "")


LEFT_OUT = {
    "tq_write_8(SYSTEM_ROMWT, ROMWT_ABOVE_100_MHZ);": "ICLK at 120.0 MHz with too few ROM waits",
    "tq_write_32(SYSTEM_SCKCR, SCKCR_VALUE);": "ICLK at 240.0 MHz",
    "tq_write_16(SYSTEM_PRCR, PRCR_UNLOCK_CLOCK);": "0x80036 written while PRC0 protects it",
    "tq_write_16(FLASH_ROMCIV, 1);": "ROM cache on before it was invalidated",
}


@pytest.mark.parametrize("step", LEFT_OUT)
def test_the_simulated_chip_notices_a_missing_step(
    tmp_path: Any, clock: Callable[..., Any], step: str
) -> None:
    """Without this, a simulation that allows everything would pass as well."""
    source = (firmware_sources() / "boards" / "rx65n" / "clock.c").read_text()
    assert step in source
    file = tmp_path / "clock.c"
    # The waiting for a value that was never written goes as well.
    shortened = source.replace(step, "").replace(
        "return tq_wait_for_bits_8(SYSTEM_ROMWT, 0xFF, ROMWT_ABOVE_100_MHZ);", "return true;"
    )
    file.write_text(shortened)
    chip = Rx65n()
    clock(chip, source=str(file)).text("tq_clock_to_120_mhz")
    assert LEFT_OUT[step] in chip.violations


def test_the_console_speaks_at_115200_baud(program: Callable[..., Any]) -> None:
    chip = Rx65n()
    firmware = program("rx65n", "clock.c", "console.c").on(chip)
    firmware.call("tq_console_init", 60_000_000)
    for character in b"#0000":
        firmware.call("tq_board_put", character)
    assert chip.violations == []
    assert chip.sent == b"#0000"
    assert chip.get(SEMR) == 0x50, "8 clocks of PCLKB per bit"
    assert 60e6 / (8 * (chip.get(BRR) + 1)) == pytest.approx(115200, rel=5e-3)
    assert (chip.get(PC7PFS), chip.get(PORTC_PMR)) == (0x0A, 0x80)
    assert chip.get(PWPR) == 0x80
