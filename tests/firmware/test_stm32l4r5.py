"""The STM32L4R5's clock tree and console against its reference manual, RM0432.

No emulator here knows this chip. The firmware's C code runs on the host, and the peripherals below
check after every write whether the manual allows the state that the chip is in then.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.firmware.sources import firmware_sources


RCC_CR, RCC_CFGR, RCC_PLLCFGR = 0x40021000, 0x40021008, 0x4002100C
RCC_AHB2ENR, RCC_APB1ENR1, RCC_APB1ENR2 = 0x4002104C, 0x40021058, 0x4002105C
RCC_CCIPR = 0x40021088
PWR_CR1, PWR_CR2, PWR_SR2, PWR_CR5 = 0x40007000, 0x40007004, 0x40007014, 0x40007080
FLASH_ACR = 0x40022000
GPIOG_MODER, GPIOG_AFRL, GPIOG_AFRH = 0x48001800, 0x48001820, 0x48001824
LPUART1_CR1, LPUART1_BRR, LPUART1_ISR = 0x40008000, 0x4000800C, 0x4000801C
LPUART1_TDR = 0x40008028

HSI16, MSI_AFTER_RESET = 16e6, 4e6
BOOST_HZ_PER_WAIT_STATE = 20e6


class Stm32l4r5:
    """Power, clocks, flash interface and LPUART1 of the chip after a reset.

    :param delay: polls of a flag until the hardware sets it.
    :param broken: flags that never come: ``HSI``, ``PLL``, ``SWS``.
    """

    def __init__(self, *, delay: int = 3, broken: str = "") -> None:
        # Reset values: MSI runs at 4 MHz, range 1 in normal mode, no wait states.
        self.registers = {RCC_CR: 0x63, PWR_CR1: 0x200, PWR_CR5: 0x100, FLASH_ACR: 0x600}
        self.violations: list[str] = []
        self.sent = b""
        self.fastest_hz = 0.0
        self._delay, self._polls = delay, 0
        self._broken = broken
        self._reads_since_switch = 0

    def bits(self, address: int, low: int, width: int = 1) -> int:
        return self.registers.get(address, 0) >> low & (1 << width) - 1

    @property
    def pll_hz(self) -> float:
        source = {1: MSI_AFTER_RESET, 2: HSI16}.get(self.bits(RCC_PLLCFGR, 0, 2), 0.0)
        reference = source / (self.bits(RCC_PLLCFGR, 4, 4) + 1)
        vco = reference * self.bits(RCC_PLLCFGR, 8, 7)
        self.check(2.66e6 <= reference <= 16e6, f"PLL input {reference / 1e6} MHz")
        self.check(64e6 <= vco <= 344e6, f"PLL VCO {vco / 1e6} MHz")
        return vco / (2 * self.bits(RCC_PLLCFGR, 25, 2) + 2)

    @property
    def core_hz(self) -> float:
        on_pll = self.bits(RCC_CFGR, 2, 2) == 3
        prescaler = {8: 2, 9: 4}.get(self.bits(RCC_CFGR, 4, 4), 1)
        return (self.pll_hz if on_pll else MSI_AFTER_RESET) / prescaler

    def check(self, holds: bool, what: str) -> None:
        if not holds:
            self.violations.append(what)

    def read(self, address: int, size: int) -> int:
        assert size == 4
        self._reads_since_switch += 1
        self._polls += 1
        if self._polls >= self._delay:
            self.settle()
        return self.registers.get(address, 0)

    def settle(self) -> None:
        """Let the hardware catch up with what was asked of it."""
        for name, on, ready in (("HSI", 8, 10), ("PLL", 24, 25)):
            state = self.bits(RCC_CR, on) and name not in self._broken
            self.registers[RCC_CR] = self.registers[RCC_CR] & ~(1 << ready) | state << ready
        if "SWS" not in self._broken:
            switch = self.bits(RCC_CFGR, 0, 2)
            if switch == 3 and self.bits(RCC_CFGR, 2, 2) != 3:
                self._reads_since_switch = 0
            self.registers[RCC_CFGR] = self.registers.get(RCC_CFGR, 0) & ~0xC | switch << 2
        enabled = self.bits(LPUART1_CR1, 0) and self.bits(LPUART1_CR1, 3)
        self.registers[LPUART1_ISR] = enabled << 21 | enabled << 7
        self._rules()

    def write(self, address: int, value: int, size: int) -> None:
        assert size == 4
        old = self.registers.get(address, 0)
        self._before_write(address, old, value)
        self.registers[address] = value
        self._polls = 0
        self._rules()

    def _before_write(self, address: int, old: int, value: int) -> None:
        if address in (PWR_CR2, PWR_CR5):
            self.check(bool(self.bits(RCC_APB1ENR1, 28)), "PWR written without its clock")
        if address == RCC_PLLCFGR:
            self.check(not self.bits(RCC_CR, 25), "PLL configured while it runs")
        if address == RCC_CFGR and value & 3 == 3 and old & 3 != 3:
            self.check(bool(self.bits(RCC_CR, 25)), "switched to a PLL that is not ready")
            self.check(bool(self.bits(RCC_PLLCFGR, 24)), "switched to a disabled PLL output")
            self.check(value >> 4 & 0xF == 8, "switched to above 80 MHz without AHB divided by 2")
        if address == RCC_CFGR and old >> 4 & 0xF == 8 and value >> 4 & 0xF == 0:
            self.check(self._reads_since_switch >= 60, "less than 1 us at 60 MHz before 120 MHz")
        if address == LPUART1_BRR:
            self.check(not self.bits(LPUART1_CR1, 0), "BRR written while UE is set")
            self.check(bool(self.bits(RCC_APB1ENR2, 0)), "LPUART1 written without its clock")
        if address in (GPIOG_MODER, GPIOG_AFRL, GPIOG_AFRH):
            self.check(bool(self.bits(RCC_AHB2ENR, 6)), "GPIOG written without its clock")
        if address == GPIOG_MODER:
            self.check(bool(self.bits(PWR_CR2, 9)), "PG7, PG8 driven before VDDIO2 is valid")
        if address == LPUART1_TDR:
            self.check(bool(self.bits(LPUART1_ISR, 7)), "TDR written while it is full")
            self.sent += bytes([value])

    def _rules(self) -> None:
        """Check what must hold at every moment (RM0432, Read access latency)."""
        core = self.core_hz
        self.fastest_hz = max(self.fastest_hz, core)
        boost = not self.bits(PWR_CR5, 8)
        self.check(core <= (120e6 if boost else 80e6), f"{core / 1e6} MHz without boost mode")
        reach = BOOST_HZ_PER_WAIT_STATE * (self.bits(FLASH_ACR, 0, 4) + 1)
        self.check(core <= reach, f"{core / 1e6} MHz with too few flash wait states")


@pytest.fixture
def clock(program: Callable[..., Any]) -> Callable[[Stm32l4r5], Any]:
    return lambda chip: program("nucleo_l4r5zi", "clock.c").on(chip)


def test_the_core_reaches_120_mhz_by_states_that_the_manual_allows(
    clock: Callable[[Stm32l4r5], Any],
) -> None:
    chip = Stm32l4r5()
    firmware = clock(chip)
    assert firmware.truth("tq_clock_start_hsi16")
    assert firmware.text("tq_clock_to_120_mhz") is None
    assert chip.violations == []
    assert chip.core_hz == chip.fastest_hz == 120e6
    prefetch, instruction_cache, data_cache = (chip.bits(FLASH_ACR, bit) for bit in (8, 9, 10))
    assert prefetch and instruction_cache and data_cache


def test_a_warm_restart_configures_a_running_pll_only_after_stopping_it(
    clock: Callable[[Stm32l4r5], Any],
) -> None:
    chip = Stm32l4r5()
    chip.registers[RCC_CR] |= 3 << 24
    firmware = clock(chip)
    assert firmware.truth("tq_clock_start_hsi16")
    assert firmware.text("tq_clock_to_120_mhz") is None
    assert chip.violations == []


@pytest.mark.parametrize(
    ("broken", "complaint"), [("PLL", "PLL does not lock"), ("SWS", "does not switch to the PLL")]
)
def test_a_clock_that_never_comes_is_named_and_not_waited_for_for_ever(
    clock: Callable[[Stm32l4r5], Any], broken: str, complaint: str
) -> None:
    chip = Stm32l4r5(broken=broken)
    assert complaint in (clock(chip).text("tq_clock_to_120_mhz") or "")


SHIFTED = {
    "R1MODE is not cleared": (
        "tq_replace_bits_32(PWR_CR5, CR5_R1MODE, 0);",
        "120.0 MHz without boost mode",
    ),
    "wait states come after the switch": (
        "tq_replace_bits_32(FLASH_ACR, ACR_LATENCY, ACR_LATENCY_5);",
        "60.0 MHz with too few flash wait states",
    ),
    "AHB is not divided": (
        "tq_replace_bits_32(RCC_CFGR, CFGR_HPRE, CFGR_HPRE_2);",
        "switched to above 80 MHz without AHB divided by 2",
    ),
}


@pytest.mark.parametrize("mistake", SHIFTED)
def test_the_simulated_chip_notices_a_missing_step(
    tmp_path: Path, program: Callable[..., Any], mistake: str
) -> None:
    """Without this, a simulation that allows everything would pass as well."""
    step, complaint = SHIFTED[mistake]
    source = (firmware_sources() / "boards" / "nucleo_l4r5zi" / "clock.c").read_text()
    assert step in source
    shortened = source.replace(step, "")
    if "FLASH_ACR" in step:  # nothing left to wait for
        wait = r"if \(!tq_wait_for_bits_32\(FLASH_ACR.*?\n  }\n"
        shortened = re.sub(wait, "", shortened, flags=re.DOTALL)
    file = tmp_path / "clock.c"
    file.write_text(shortened)
    chip = Stm32l4r5()
    firmware = program("nucleo_l4r5zi", str(file)).on(chip)
    firmware.truth("tq_clock_start_hsi16")
    firmware.text("tq_clock_to_120_mhz")
    assert complaint in chip.violations


def test_the_console_speaks_at_115200_baud_whatever_the_core_does(
    program: Callable[..., Any],
) -> None:
    chip = Stm32l4r5()
    chip.registers[RCC_CR] |= 1 << 8 | 1 << 10
    firmware = program("nucleo_l4r5zi", "console.c").on(chip)
    firmware.call("tq_console_init")
    for character in b"#0000":
        firmware.call("tq_board_put", character)
    assert chip.violations == []
    assert chip.sent == b"#0000"
    assert chip.bits(RCC_CCIPR, 10, 2) == 2, "kernel clock HSI16"
    assert 256 * HSI16 / chip.registers[LPUART1_BRR] == pytest.approx(115200, rel=1e-3)
    assert (chip.bits(GPIOG_AFRL, 28, 4), chip.bits(GPIOG_AFRH, 0, 4)) == (8, 8)
    assert (chip.bits(GPIOG_MODER, 14, 2), chip.bits(GPIOG_MODER, 16, 2)) == (2, 2)
