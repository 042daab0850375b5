"""Runs an image in QEMU with the plug-in that profiles the first inference, and reads the profile.

The plug-in is ``firmware/emulator/profile.c``: it counts every straight run of instructions and
what of it missed the caches before the flash. QEMU executes the instructions that it executes
without the plug-in, so that their number is the one that the board counts.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.boards.emulator.qemu import find_qemu
from pytest_tinyquant.errors import EstimateError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.project.core_timing import CoreTiming
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.lifetime import die_with_parent
from pytest_tinyquant.system.scratch import scratch_directory
from pytest_tinyquant.system.trouble import refuse_trouble


#: The function whose first call is profiled: one inference, of check sample 0.
INVOKE: Final = "tq_invoke"

#: The function that makes that call, in firmware/port/cortex_m/timed_call.S.
_CALLER: Final = "tq_timed_call"
_CALL: Final = b"\x98\x47"  # blx r3

_LAST_BYTES: Final = 400


@dataclass(frozen=True)
class StraightRun:
    """What happened in one straight run of instructions while one operator ran.

    :param op: index of the operator; -1 in the profiled function itself.
    :param start: address of the first instruction.
    :param instructions: how many there are in the run.
    :param runs: how often it was executed.
    :param exits: how often a branch led elsewhere than to the next instruction.
    :param unaligned_exits: of them, those to a 32-bit instruction that lies across two words.
    :param fetch_misses: reads of the flash for instructions.
    :param data_misses: reads of the flash for loads.
    :param unaligned_accesses: additional transfers of loads and stores at unaligned addresses.
    """

    op: int
    start: int
    instructions: int
    runs: int
    exits: int
    unaligned_exits: int
    fetch_misses: int
    data_misses: int
    unaligned_accesses: int


def profile(
    plugin: Path,
    elf: Elf,
    *,
    machine: str,
    flash_bytes: int,
    timing: CoreTiming,
    timeout: float,
    where: str,
) -> tuple[StraightRun, ...]:
    """Return the profile of the first inference of an image.

    :param plugin: the built plug-in.
    :param machine: QEMU's machine.
    :param flash_bytes: size of the board's flash; what lies beyond is no flash.
    :param timeout: seconds it may take.
    :raises EstimateError: QEMU does not take the plug-in, or the inference does not end.
    """
    with scratch_directory() as directory:
        out, code = Path(directory) / "profile.txt", Path(directory) / "code.bin"
        start, content = _flash_content(elf, flash_bytes)
        code.write_bytes(content)
        options = {
            "out": out,
            "code": code,
            **_addresses(elf),
            "flash": start,
            "bytes": flash_bytes,
            "line": timing.cache_line_bytes,
            "chunk": timing.read_bits // 8,
            "fetch_lines": timing.instruction_cache_lines,
            "load_lines": timing.data_cache_lines,
        }
        argument = ",".join([str(plugin), *(f"{key}={value}" for key, value in options.items())])
        _run_qemu(["-M", machine, "-kernel", str(elf.path), "-plugin", argument], timeout, where)
        return tuple(_read(out, where))


def _run_qemu(arguments: list[str], timeout: float, where: str) -> None:
    """Run the machine until the plug-in ends it."""
    quiet = ("-nodefaults", "-nic", "none", "-display", "none", "-monitor", "none")
    command = [*die_with_parent(), find_qemu("qemu-system-arm"), *quiet, "-serial", "null"]
    try:
        result = subprocess.run(
            # The image counts its instructions, and does nothing where they cannot be counted.
            [*command, "-icount", "shift=7,sleep=off", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment.made(),
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EstimateError(
            f"{where}: not profiled after {timeout:g} s; the inference hangs, or the model is too "
            "large for that time: see --tq-timeout"
        ) from error
    refuse_trouble(result.returncode, "", f"{where}: QEMU")
    if result.returncode:
        said = result.stdout[-_LAST_BYTES:].decode("ascii", errors="backslashreplace").strip()
        raise EstimateError(
            f"{where}: QEMU ended with status {result.returncode} instead of a profile; its "
            f"version may not take the plug-in (7.2 does). It said: {said or 'nothing'}"
        )


def _flash_content(elf: Elf, flash_bytes: int) -> tuple[int, bytes]:
    """Return where the flash starts, and what it holds from there on."""
    sections = sorted((s.load_address, s.content) for s in elf.sections if s.loaded and s.content)
    start = sections[0][0]
    content = bytearray()
    for address, data in sections:
        offset = address - start
        if offset < flash_bytes:
            content.extend(bytes(max(0, offset - len(content))))
            content[offset : offset + len(data)] = data
    return start, bytes(content)


def _addresses(elf: Elf) -> dict[str, int]:
    """Return where the profiled function begins and ends, and where its caller goes on."""
    invoke, caller = elf.symbol(INVOKE), elf.symbol(_CALLER)
    assert invoke is not None and caller is not None, "every image of a Cortex-M board has both"
    call = elf.read(caller.address, caller.size).find(_CALL)
    assert call >= 0, "the function calls what it times"
    return {
        "enter": invoke.address,
        "leave": invoke.address + invoke.size,
        "after": caller.address + call + len(_CALL),
    }


def _read(file: Path, where: str) -> Iterator[StraightRun]:
    """Yield the lines of a profile."""
    lines = file.read_text("ascii").splitlines()
    if not lines or lines.pop() != "end":
        raise EstimateError(f"{where}: QEMU ended before the profile was written whole")
    for line in lines:
        yield StraightRun(*map(int, line.split()))
