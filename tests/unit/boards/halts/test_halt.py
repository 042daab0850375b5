"""What a fault's registers are turned into."""

from __future__ import annotations

import pytest

from pytest_tinyquant.boards.halts.halt import at
from pytest_tinyquant.boards.halts.halt import fault_error
from pytest_tinyquant.boards.halts.halt_cortex_m import CFSR_BITS
from pytest_tinyquant.boards.halts.halt_cortex_m import HFSR_BITS
from pytest_tinyquant.boards.halts.halt_cortex_m import CortexMFault
from pytest_tinyquant.boards.halts.halt_cortex_m import decode_bits


REGISTERS = {
    "pc": 0x19A,
    "lr": 0x5B,
    "sp": 0x20001F68,
    "xpsr": 0x01000000,
    "cfsr": 0x82,
    "hfsr": 0,
    "mmfar": 0x10,
    "bfar": 0,
}


def locate(address: int) -> tuple[str, str]:
    return {0x19A: ("tq_softmax_s8", "softmax.c:31"), 0x5A: ("tq_invoke", "")}.get(
        address, ("", "")
    )


@pytest.mark.parametrize(
    ("cfsr", "names"),
    [
        (0x00000082, ("DACCVIOL", "MMARVALID")),
        (0x00000001, ("IACCVIOL",)),
        (0x00000010, ("MSTKERR",)),
        (0x00008200, ("PRECISERR", "BFARVALID")),
        (0x00000400, ("IMPRECISERR",)),
        (0x00010000, ("UNDEFINSTR",)),
        (0x00020000, ("INVSTATE",)),
        (0x00080000, ("NOCP",)),
        (0x01000000, ("UNALIGNED",)),
        (0x02000000, ("DIVBYZERO",)),
        (0, ()),
    ],
)
def test_names_the_configurable_fault_status(cfsr: int, names: tuple[str, ...]) -> None:
    assert decode_bits(cfsr, CFSR_BITS) == names


def test_names_the_hard_fault_status() -> None:
    assert decode_bits(0x40000002, HFSR_BITS) == ("VECTTBL", "FORCED")


@pytest.mark.parametrize(
    ("number", "kind"),
    [(3, "HardFault"), (4, "MemManage"), (5, "BusFault"), (6, "UsageFault"), (15, "exception 15")],
)
def test_names_the_exception(number: int, kind: str) -> None:
    assert CortexMFault(number, {}).kind == kind


def test_describes_where_the_fault_struck_and_why() -> None:
    fault = CortexMFault(4, REGISTERS)
    error = fault_error("board", fault, locate, last_operator="3, tq_softmax_s8", log="a\nb")
    assert (error.kind, error.pc, error.symbol) == ("MemManage", 0x19A, "tq_softmax_s8")
    assert error.registers == REGISTERS
    assert str(error).splitlines() == [
        "board: MemManage (DACCVIOL, MMARVALID) at 0x0000019a in tq_softmax_s8 (softmax.c:31)",
        "  data access that the MPU forbids",
        "  address accessed: 0x00000010 (MMFAR)",
        "  called from tq_invoke",
        "  last operator started: 3, tq_softmax_s8",
        "  pc=0000019a lr=0000005b sp=20001f68 xpsr=01000000"
        " cfsr=00000082 hfsr=00000000 mmfar=00000010 bfar=00000000",
        "  device log, last lines:",
        "    a",
        "    b",
    ]


def test_does_not_trust_a_frame_that_was_not_pushed() -> None:
    lost = REGISTERS | {"pc": 0, "lr": 0, "xpsr": 0, "cfsr": 0x92}
    error = fault_error("board", CortexMFault(4, lost), locate, last_operator="", log="")
    assert error.pc is None
    assert "at an unknown address" in str(error)
    assert "it overflowed" in str(error)
    assert "called from" not in str(error)


def test_says_where_the_core_is() -> None:
    assert at(0x412, "tq_add_s8", "add.c:9") == "at 0x00000412 in tq_add_s8 (add.c:9)"
    assert at(0x412, "", "") == "at 0x00000412"
