"""What ``tinyquant doctor`` checks of packages, compilers, emulators and what estimates cycles."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Collection
from collections.abc import Iterator
from collections.abc import Mapping
from functools import partial
from typing import Final

from packaging.requirements import Requirement

from pytest_tinyquant.boards.emulator.qemu import check_machine
from pytest_tinyquant.boards.emulator.qemu import find_qemu
from pytest_tinyquant.cli.finding import Finding
from pytest_tinyquant.cli.finding import together
from pytest_tinyquant.cli.finding import tried
from pytest_tinyquant.firmware.core_trial import check_core
from pytest_tinyquant.firmware.toolchain import find_build_tool
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.kinds import KINDS
from pytest_tinyquant.system.cache import Cache


_THIS: Final = "pytest-tinyquant"

_FOR_KINDS: Final = (
    ("tflite-micro", "board host", "emulation"),
    ("ethos-u-vela", "boards ethos-u...", "ethos-u"),
    ("pyocd", "boards, emulated and real", "hardware"),
    ("pyserial", "boards, emulated and real", "hardware"),
    ("pyelftools", "building firmware", "hardware"),
)
"""Name, purpose, extra of this package; each kind of boards says which ones it needs."""


def installed(package: str) -> str:
    """Return the version of an installed package, empty if it is not."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def package_finding(name: str, purpose: str, extra: str, *, optional: bool = False) -> Finding:
    """Return whether a package is there in a version that this one works with."""
    version, wanted = installed(name), _wanted().get((name, extra))
    remedy = f"pip install '{_THIS}[{extra}]'"
    if version and wanted is not None and not wanted.specifier.contains(version, prereleases=True):
        remedy = f"{version} is installed, {name}{wanted.specifier} is needed: {remedy}"
        version = ""
    return Finding(name, purpose, version, remedy, optional)


@functools.cache
def _wanted() -> Mapping[tuple[str, str], Requirement]:
    """Return what the extras of this package require, by package and extra."""
    try:
        about = importlib.metadata.metadata(_THIS)
    except importlib.metadata.PackageNotFoundError:  # Run from its sources.
        return {}
    extras = about.get_all("Provides-Extra") or []
    return {
        (requirement.name, extra): requirement
        for requirement in map(Requirement, about.get_all("Requires-Dist") or [])
        for extra in extras
        if requirement.marker is not None and requirement.marker.evaluate({"extra": extra})
    }


def part_findings(boards: Collection[Board], gates: Collection[Board]) -> Iterator[Finding]:
    """Yield one finding per part that `boards` need, or any board if there are none.

    :param gates: boards whose verdicts may rest on estimated cycles.
    """
    kinds = list(dict.fromkeys(board.kind for board in boards)) or list(KINDS)
    needed = {package for kind in kinds for package in KINDS[kind].packages}
    for package, purpose, extra in _FOR_KINDS:
        if package in needed:
            yield package_finding(package, purpose, extra)
    if not boards:
        yield package_finding("pytest-xdist", "pytest -n", "xdist")
    if any(KINDS[kind].runs_firmware for kind in kinds):
        for tool in ("cmake", "ninja"):
            yield tried(tool, "building firmware", partial(_build_tool, tool))
    yield from compiler_findings(boards, kinds)
    yield from emulator_findings(boards, kinds)
    yield from estimate_findings(boards, kinds, gates)
    if not boards:
        yield package_finding("tomlkit", "tinyquant board add", "hardware", optional=True)


def compiler_findings(boards: Collection[Board], kinds: Collection[str]) -> Iterator[Finding]:
    """Yield what builds firmware for each core, tried with a small program for that core."""
    wanted = [(board.kind, board.toolchain) for board in boards] or [(kind, "") for kind in kinds]
    programs: dict[str, list[tuple[str, Finding]]] = {}
    for kind, path in dict.fromkeys(wanted):
        compiler = KINDS[kind].compiler
        if compiler is not None:
            found = tried("", "", partial(check_core, kind, path))
            programs.setdefault(compiler.program, []).append((kind, found))
    for program, tries in programs.items():
        yield from together(program, "building firmware for {}", tries)


def emulator_findings(boards: Collection[Board], kinds: Collection[str]) -> Iterator[Finding]:
    """Yield each emulator, with the machines that stand for the cores."""
    wanted = [
        (board.kind, board.machine) for board in boards if board.target.is_emulated
    ] or [(kind, KINDS[kind].machine) for kind in kinds if not boards]  # fmt: skip
    programs: dict[str, list[tuple[str, Finding]]] = {}
    for name, machine in dict.fromkeys(wanted):
        kind = KINDS[name]
        if kind.emulator:
            # Where a kind names no machine, what emulates its boards is none that QEMU lists.
            checked = machine if kind.machine else ""
            found = tried("", "", partial(_emulator, kind.emulator, checked))
            programs.setdefault(kind.emulator, []).append((machine or name, found))
    for program, tries in programs.items():
        yield from together(program, "boards emulated by {}", tries)


def _emulator(program: str, machine: str) -> str:
    path = find_qemu(program)
    if machine:
        check_machine(program, machine, "emulated boards")
    return path


def estimate_findings(
    boards: Collection[Board], kinds: Collection[str], gates: Collection[Board]
) -> Iterator[Finding]:
    """Yield what estimates cycles; only a board whose gate rests on them needs it."""
    traced = [
        kind
        for kind in kinds
        if KINDS[kind].has_trace_model
        and (not boards or any(board.kind == kind and board.has_trace_model for board in boards))
    ]
    if traced:
        purpose = f"estimated cycles of emulated {', '.join(traced)} boards"
        optional = not any(board.gate != "instructions" for board in gates)
        yield package_finding("capstone", purpose, "emulation", optional=optional)
        yield tried("cycle plug-in", purpose, _profiler, optional=optional)
    for kind in kinds:
        if KINDS[kind].cycle_model and not KINDS[kind].has_trace_model:
            purpose = f"--tq-estimate-cycles on {kind} boards"
            yield tried("cycle simulator", purpose, _simulator, optional=True)


def _profiler() -> str:
    """Return what the plug-in of QEMU was built with, and where it is."""
    from pytest_tinyquant.firmware.toolchain_profiler import build_profiler
    from pytest_tinyquant.firmware.toolchain_profiler import find_host_compiler

    return f"{build_profiler(Cache()).name}, built with {find_host_compiler()}"


def _simulator() -> str:
    from pytest_tinyquant.firmware.toolchain_rx_sim import find_simulator

    return str(find_simulator())


def _build_tool(name: str) -> str:
    """Return the path of a build tool."""
    return str(find_build_tool(name))
