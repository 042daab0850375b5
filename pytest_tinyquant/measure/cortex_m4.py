"""What instructions cost on a Cortex-M4, by the tables of Arm's Technical Reference Manual.

The manual is Arm 100166 (before: DDI 0439), chapters "Instruction set summary", "Load/store
timings" and "FPU instruction set". Where it gives a range, one value of it is chosen, once, and
named here; nothing is fitted to measurements. ``docs/cycle-model.md`` compares the outcome with
published ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import Final


#: P, the refill of the pipeline after a branch: 1 to 3, by the manual.
REFILL: Final = 1

#: More of it where the target is a 32-bit instruction that lies across two words: two fetches.
REFILL_UNALIGNED: Final = 1

#: More of it where the address comes out of a register or from memory, too late to speculate.
REFILL_INDIRECT: Final = 1

#: The whole of it after LDR PC, TBB and TBH, which block the pipeline.
REFILL_BLOCKING: Final = 3

#: UDIV and SDIV take 2 to 12 cycles, by how many bits the operands have.
DIVIDE: Final = 7

#: VDIV and VSQRT.
FLOAT_DIVIDE: Final = 14

#: VMLA, VFMA and their relatives.
FLOAT_MULTIPLY_ACCUMULATE: Final = 3

_CONDITION = "eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le"
_LIST = re.compile(r"\{(.*)\}")
_CORE_REGISTER = re.compile(r"\b(r\d+|s[blp]|fp|ip|lr)\b")


@dataclass(frozen=True)
class Instruction:
    """One decoded instruction.

    :param kind: one of the keys of :data:`_KINDS`, or ``simple``.
    :param count: words of a load or store of several.
    :param indexed: a store whose address is the sum of two registers.
    :param reads: registers that it reads, by the decoder's numbers; likewise ``writes``.
    :param address: of ``reads``, those that form an address.
    :param loaded: of ``writes``, what a load brings; without a base that it moves on.
    :param addend: of ``reads``, those that a multiply-accumulate adds to.
    """

    size: int
    kind: str
    count: int = 0
    indexed: bool = False
    reads: frozenset[int] = frozenset()
    writes: frozenset[int] = frozenset()
    address: frozenset[int] = frozenset()
    loaded: frozenset[int] = frozenset()
    addend: frozenset[int] = frozenset()


#: Kinds of instructions, by the beginnings of their names; the first that fits is taken.
_KINDS: Final[tuple[tuple[str, str], ...]] = (
    ("float several loads", r"vldm|vpop"),
    ("float several stores", r"vstm|vpush"),
    ("float load", r"vldr"),
    ("float store", r"vstr"),
    ("float multiply-accumulate", r"vmla|vmls|vfma|vfms|vnmla|vnmls|vfnma|vfnms"),
    ("float divide", r"vdiv|vsqrt"),
    ("float move", r"vmov|vmrs|vmsr"),
    ("float", r"v"),
    ("several loads", r"ldm|pop|ldrd"),
    ("several stores", r"stm|push|strd"),
    ("load", r"ldr"),
    ("store", r"str"),
    ("divide", r"udiv|sdiv"),
    ("table branch", r"tbb|tbh"),
    ("indirect branch", r"bx|blx"),
    ("branch", rf"(b|bl)({_CONDITION})?$|cbz|cbnz"),
)
_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)

#: Results of these are one cycle late for the next floating-point instruction.
_LATE = ("float", "float multiply-accumulate", "float divide")
_FLOAT = (*_LATE, "float store")
_LOADS = ("load", "float load")
_STORES = ("store", "float store")
_SEVERAL = ("several loads", "several stores", "float several loads", "float several stores")
_MEMORY = (*_LOADS, *_STORES, *_SEVERAL, "table branch")
_ARITHMETIC = ("simple", "divide")
_INDIRECT = ("indirect branch", "several loads")
_BLOCKING = ("load", "table branch")


def straight_cycles(instructions: Sequence[Instruction]) -> int:
    """Return the cycles of a straight run with memory that never waits, no branch taken."""
    total = 0
    previous = None
    for instruction in instructions:
        total += _cycles(instruction, previous)
        previous = instruction
    return total


def exit_cycles(last: Instruction) -> int:
    """Return what a taken branch costs beyond :func:`straight_cycles` of the run it ends."""
    if last.kind in _BLOCKING:
        return REFILL_BLOCKING
    return REFILL + (REFILL_INDIRECT if last.kind in _INDIRECT else 0)


def _cycles(this: Instruction, before: Instruction | None) -> int:
    """Return the cycles of an instruction that follows `before`."""
    cycles = _alone(this, before)
    if before is None:
        return cycles
    if this.kind in _MEMORY and before.kind in _ARITHMETIC and before.writes & this.address:
        # "There is no forwarding path": the register bank is updated first.
        cycles += 1
    late = before.writes & this.reads
    if before.kind in _LATE and this.kind in _FLOAT and late:
        # Multiply-accumulates want their addend a cycle later than everything else.
        cycles += 0 if this.kind == "float multiply-accumulate" and late <= this.addend else 1
    return cycles


def _alone(this: Instruction, before: Instruction | None) -> int:
    """Return the cycles of an instruction whose operands are ready."""
    after_load = before is not None and before.kind in _LOADS
    if this.kind in _LOADS:
        # Pipelined after a load, unless that loads what the address is made of.
        pipelined = before is not None and after_load and not before.loaded & this.address
        return 1 if pipelined else 2
    if this.kind in _STORES:
        return 2 if this.indexed and not after_load else 1
    if this.kind in _SEVERAL:
        return 1 + this.count
    if this.kind == "float move":
        return this.count
    return _FIXED.get(this.kind, 1)


_FIXED: Final = {
    "divide": DIVIDE,
    "float divide": FLOAT_DIVIDE,
    "float multiply-accumulate": FLOAT_MULTIPLY_ACCUMULATE,
    "table branch": 3,  # two for the load, one for the addition
}


class InstructionDecoder:
    """Decodes the instructions of Cortex-M code."""

    def __init__(self) -> None:
        import capstone

        self._capstone = capstone
        mode = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        self._decoder = capstone.Cs(capstone.CS_ARCH_ARM, mode)
        self._decoder.detail = True

    def decode(self, code: bytes, address: int, count: int) -> list[Instruction]:
        """Return the first `count` instructions of `code`, which lies at `address`.

        :raises ValueError: there are fewer, or one is no instruction.
        """
        found = list(self._instructions(self._decoder.disasm(code, address, count)))
        if len(found) != count:
            raise ValueError(f"only {len(found)} of {count} instructions at {address:#x}")
        return found

    def _instructions(self, decoded: Any) -> Iterator[Instruction]:
        for one in decoded:
            name = one.mnemonic.partition(".")[0]
            kind = next((kind for kind, pattern in _PATTERNS if pattern.match(name)), "simple")
            reads, writes = map(frozenset, one.regs_access())
            address, indexed = self._address(one, kind, reads)
            yield Instruction(
                size=one.size,
                kind=_several(kind, one.op_str),
                count=_count(kind, one.op_str),
                indexed=indexed,
                reads=reads,
                writes=writes,
                address=address,
                loaded=frozenset({one.operands[0].reg}) if kind in _LOADS else frozenset(),
                addend=writes if kind == "float multiply-accumulate" else frozenset(),
            )

    def _address(self, one: Any, kind: str, reads: frozenset[int]) -> tuple[frozenset[int], bool]:
        """Return the registers that form an address, and whether it is the sum of two."""
        if kind not in _MEMORY:
            return frozenset(), False
        memory = [o.mem for o in one.operands if o.type == self._capstone.arm.ARM_OP_MEM]
        if not memory:  # of several words: the base register comes first, but of push and pop
            first = one.operands[0].reg if "{" in one.op_str.partition(",")[2] else None
            return (frozenset({first}) if first else frozenset()), False
        used = frozenset(r for m in memory for r in (m.base, m.index) if r)
        return used & reads, bool(memory[0].index)


def _several(kind: str, operands: str) -> str:
    """Return the kind, where a load or store of one double is one of several words."""
    if kind in ("float load", "float store") and operands.startswith("d"):
        return "float several loads" if kind == "float load" else "float several stores"
    return kind


def _count(kind: str, operands: str) -> int:
    """Return the words that an instruction loads or stores, or the cycles of a float move."""
    if kind == "float move":
        # Between one or two core registers and the FPU two cycles, within it one.
        return 2 if _CORE_REGISTER.search(operands) and "fpscr" not in operands else 1
    if kind in ("float load", "float store"):
        return 2
    if "{" not in operands:
        return 2  # LDRD, STRD
    found = _LIST.search(operands)
    assert found is not None
    words = found[1].count(",") + 1
    return words * (2 if found[1].strip().startswith("d") else 1)
