"""What an instruction costs, alone and after another: Arm's manual, sentence by sentence."""

from __future__ import annotations

import pytest

from pytest_tinyquant.measure.cortex_m4 import Instruction
from pytest_tinyquant.measure.cortex_m4 import InstructionDecoder
from pytest_tinyquant.measure.cortex_m4 import exit_cycles
from pytest_tinyquant.measure.cortex_m4 import straight_cycles


CODE = {
    "ldr r0, [r1]": "0868",
    "ldr r1, [r2]": "1168",
    "ldr r0, [r0]": "0068",
    "ldr r3, [r4], #4": "54f8043b",
    "ldr r2, [r4]": "2268",
    "str r0, [r1, #4]": "4860",
    "str r0, [r1, r2]": "8850",
    "str r2, [r3, #4]": "5a60",
    "ldrd r0, r1, [r2]": "d2e90001",
    "ldm r4!, {r0-r3}": "0fcc",
    "push {r4, r5, lr}": "30b5",
    "pop {r4, r5, pc}": "30bd",
    "add r2, r2, #4": "02f10402",
    "smlad r0, r1, r2, r3": "21fb0230",
    "mla r0, r1, r2, r3": "01fb0230",
    "smull r0, r1, r2, r3": "82fb0301",
    "udiv r0, r1, r2": "b1fbf2f0",
    "vldr s0, [r1]": "91ed000a",
    "vldr d0, [r1]": "91ed000b",
    "vldmia r1!, {s0-s3}": "b1ec040a",
    "vldmia r1!, {d0, d1}": "b1ec040b",
    "vstr s0, [r1]": "81ed000a",
    "vmul.f32 s0, s1, s2": "20ee810a",
    "vadd.f32 s4, s4, s0": "32ee002a",
    "vadd.f32 s5, s6, s7": "73ee232a",
    "vmla.f32 s0, s1, s2": "00ee810a",
    "vmla.f32 s3, s0, s2": "40ee011a",
    "vdiv.f32 s0, s1, s2": "80ee810a",
    "vmov s0, r1": "00ee101a",
    "vmov.f32 s0, s1": "b0ee600a",
    "vmov r0, r1, s0, s1": "51ec100a",
    "bx lr": "7047",
    "bl": "fff7feff",
    "bne": "fed1",
    "cbz": "00b1",
    "tbb [pc, r0]": "dfe800f0",
    "ldr pc, [r1]": "d1f800f0",
}
"""Instructions as the assembler encodes them."""

ALONE = {
    "ldr r0, [r1]": 2,
    "str r0, [r1, #4]": 1,
    "str r0, [r1, r2]": 2,
    "ldrd r0, r1, [r2]": 3,
    "ldm r4!, {r0-r3}": 5,
    "push {r4, r5, lr}": 4,
    "pop {r4, r5, pc}": 4,
    "add r2, r2, #4": 1,
    "smlad r0, r1, r2, r3": 1,
    "mla r0, r1, r2, r3": 1,
    "smull r0, r1, r2, r3": 1,
    "udiv r0, r1, r2": 7,
    "vldr s0, [r1]": 2,
    "vldr d0, [r1]": 3,
    "vldmia r1!, {s0-s3}": 5,
    "vldmia r1!, {d0, d1}": 5,
    "vstr s0, [r1]": 1,
    "vmul.f32 s0, s1, s2": 1,
    "vmla.f32 s0, s1, s2": 3,
    "vdiv.f32 s0, s1, s2": 14,
    "vmov s0, r1": 2,
    "vmov.f32 s0, s1": 1,
    "vmov r0, r1, s0, s1": 2,
    "bx lr": 1,
    "bne": 1,
    "tbb [pc, r0]": 3,
}

#: Pairs of instructions, what the second one costs, and the manual's reason.
AFTER_ANOTHER = [
    ("ldr r0, [r1]", "ldr r1, [r2]", 1, "loads are pipelined"),
    ("ldr r0, [r1]", "ldr r0, [r0]", 2, "but not with an address that the first one loads"),
    ("ldr r3, [r4], #4", "ldr r2, [r4]", 1, "a base that moves on is not loaded"),
    ("ldr r0, [r1]", "str r0, [r1, r2]", 1, "a store may be pipelined after a load"),
    ("str r0, [r1, #4]", "ldr r1, [r2]", 2, "nothing is pipelined after a store"),
    ("ldrd r0, r1, [r2]", "ldr r0, [r1]", 2, "LDRD is not pipelined with what follows"),
    ("add r2, r2, #4", "ldr r1, [r2]", 3, "no forwarding to an address"),
    ("add r2, r2, #4", "str r2, [r3, #4]", 1, "what is stored is wanted later"),
    ("add r2, r2, #4", "ldrd r0, r1, [r2]", 4, "no forwarding to an address"),
    ("smlad r0, r1, r2, r3", "smlad r0, r1, r2, r3", 1, "sums are forwarded"),
    ("vldr s0, [r1]", "vmul.f32 s0, s1, s2", 1, "loads are not late"),
    ("vmul.f32 s0, s1, s2", "vadd.f32 s4, s4, s0", 2, "a result that is used at once is late"),
    ("vmul.f32 s0, s1, s2", "vadd.f32 s5, s6, s7", 1, "one that is not costs nothing"),
    ("vmul.f32 s0, s1, s2", "vmla.f32 s0, s1, s2", 3, "an addend is wanted a cycle later"),
    ("vmul.f32 s0, s1, s2", "vmla.f32 s3, s0, s2", 4, "a factor is not"),
    ("vmla.f32 s0, s1, s2", "vmla.f32 s0, s1, s2", 3, "an addend is wanted a cycle later"),
]


def decoded(*names: str) -> list[Instruction]:
    code = bytes.fromhex("".join(CODE[name] for name in names))
    return InstructionDecoder().decode(code, 0x1000, len(names))


@pytest.mark.parametrize("name", ALONE)
def test_an_instruction_alone(name: str) -> None:
    assert straight_cycles(decoded(name)) == ALONE[name]


@pytest.mark.parametrize(
    ("first", "second", "cycles", "why"), AFTER_ANOTHER, ids=[case[3] for case in AFTER_ANOTHER]
)
def test_an_instruction_after_another(first: str, second: str, cycles: int, why: str) -> None:
    assert straight_cycles(decoded(first, second)) - straight_cycles(decoded(first)) == cycles


def test_four_loads_in_a_row_take_five_cycles() -> None:
    assert straight_cycles(decoded(*["ldr r0, [r1]"] * 4)) == 5


@pytest.mark.parametrize(
    ("name", "cycles"),
    [("bne", 1), ("bl", 1), ("cbz", 1), ("bx lr", 2), ("pop {r4, r5, pc}", 2), ("tbb [pc, r0]", 3)],
)
def test_a_taken_branch_refills_the_pipeline(name: str, cycles: int) -> None:
    assert exit_cycles(decoded(name)[-1]) == cycles


def test_a_load_of_the_program_counter_takes_five_cycles() -> None:
    (load,) = decoded("ldr pc, [r1]")
    assert straight_cycles([load]) + exit_cycles(load) == 5


def test_what_is_no_instruction_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="only 1 of 2 instructions at 0x1000"):
        InstructionDecoder().decode(bytes.fromhex(CODE["bne"]), 0x1000, 2)
