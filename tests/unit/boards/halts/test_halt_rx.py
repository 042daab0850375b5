"""What a fault record of the RX firmware is turned into."""

from __future__ import annotations

import struct

import pytest

from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.console.protocol import encode
from pytest_tinyquant.boards.halts.halt import fault_error
from pytest_tinyquant.boards.halts.halt_rx import RxFault
from pytest_tinyquant.boards.halts.halt_rx import RxFaults


MAGIC = 0xFA017ED0
GENERAL = [0x00801F00, *range(1, 16)]  # r0 is the stack pointer
RECORD = struct.pack("<21Ii", MAGIC, 23, *GENERAL, 0xFFE00123, 0x00030000, 0x100, 1)


def test_reads_the_record() -> None:
    recorded = RxFaults().recorded(RECORD)
    assert recorded is not None
    fault, op = recorded
    assert (fault.exception, op) == (23, 1)
    assert fault.registers["pc"] == 0xFFE00123
    assert fault.registers["sp"] == 0x00801F00
    assert fault.registers["psw"] == 0x00030000
    assert fault.registers["fpsw"] == 0x100
    assert [fault.registers[f"r{n}"] for n in (1, 15)] == [1, 15]


def test_an_unfinished_record_is_none() -> None:
    assert RxFaults().recorded(bytes(len(RECORD))) is None
    assert RxFaults.record_size == len(RECORD)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (20, "privileged instruction exception"),
        (23, "undefined instruction exception"),
        (25, "floating-point exception"),
        (256, "unconditional trap (BRK)"),
        (512, "stack overflow"),
        (7, "exception 7"),
    ],
)
def test_names_the_exception(number: int, kind: str) -> None:
    assert RxFault(number, {}).kind == kind


def test_names_the_causes_of_a_floating_point_exception() -> None:
    assert RxFault(25, {"fpsw": 0x90}).summary == "floating-point exception (Z, E)"
    assert RxFault(23, {"fpsw": 0x90}).summary == "undefined instruction exception"


def test_the_address_of_a_trap_is_that_of_its_instruction() -> None:
    assert RxFault(256, {"pc": 0x101}).pc == 0x100
    assert RxFault(23, {"pc": 0x101}).pc == 0x101


def test_describes_a_fault() -> None:
    fault = RxFault(23, {"pc": 0xFFE00123, "sp": 0x00801F00, "psw": 0x30000, "fpsw": 0x100})
    error = fault_error(
        "rx65n running image.elf",
        fault,
        lambda address: ("tq_softmax_s8", "softmax.c:31"),
        last_operator="2, tq_softmax_s8",
        log="hello",
    )
    assert str(error) == (
        "rx65n running image.elf: undefined instruction exception at 0xffe00123 in tq_softmax_s8"
        " (softmax.c:31)\n"
        "  undefined instruction: the code is damaged, or a jump went into data\n"
        "  last operator started: 2, tq_softmax_s8\n"
        "  pc=ffe00123 sp=00801f00 psw=00030000 fpsw=00000100\n"
        "  device log, last lines:\n"
        "    hello"
    )
    assert (error.kind, error.pc) == ("undefined instruction exception", 0xFFE00123)


def test_the_fault_line_of_an_rx_is_understood() -> None:
    decoder = Decoder("rx65n")
    decoder.feed(
        encode(3, "FAULT", "exc=23 pc=ffe00123 sp=00801f00 psw=00030000 r1=00000001 op=-1")
    )
    assert decoder.finished
    assert decoder.transcript.fault is not None
    assert decoder.transcript.fault.registers["r1"] == 1
    assert decoder.transcript.fault.op == -1
