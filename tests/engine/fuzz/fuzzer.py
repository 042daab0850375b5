"""Mutate .tflite files and take each as far as the planner; run by test_fuzz.py in a child process.

Case n is the same in every run: its random numbers are seeded with n. `--case n` repeats it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import signal
import struct
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tflite

from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.models.graph import Graph
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.support.check import check_support
from pytest_tinyquant.support.runtimes import RUNTIMES


KERNEL_SETS = ("reference", "cortex_m_dsp", "cortex_m_mve", "rx_dsp")

_GENERAL = ("tflm", "tinyquant")

MEMORY_BYTES = 2 << 30
CASE_SECONDS = 5.0

_INTERESTING = (
    0, 1, 2, 3, 4, 7, 8, 15, 16, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 1 << 20,
    (1 << 30) - 1, 1 << 30, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, (1 << 63) - 1, (1 << 64) - 1,
)  # fmt: skip


class Seed:
    """A model file, and where in it there is more than numbers of weights."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        weights = bytearray(len(data))
        model = tflite.Model.GetRootAs(data, 0)
        for index in range(model.BuffersLength()):
            values = model.Buffers(index).DataAsNumpy()
            if not isinstance(values, int) and len(values) > 64:
                start = data.find(values.tobytes())
                weights[start : start + len(values)] = b"\1" * len(values)
        self.structure = [i for i, weight in enumerate(weights) if not weight]
        self.numbers = _numbers(model)

    def position(self, choice: random.Random) -> int:
        """Choose a byte, rarely one of the weights."""
        if choice.random() < 0.9:
            return choice.choice(self.structure)
        return choice.randrange(len(self.data))


def _numbers(model: Any) -> list[tuple[int, int]]:
    """Return (position, width) of the numbers in a model that say something about it."""
    found = [
        number
        for index in range(model.SubgraphsLength())
        for number in _numbers_of_subgraph(model.Subgraphs(index))
    ]
    for index in range(model.BuffersLength()):
        if model.Buffers(index).DataLength() <= 32:
            found += _vector(model.Buffers(index), 4, 4)
    return found


def _numbers_of_subgraph(graph: Any) -> list[tuple[int, int]]:
    found = _vector(graph, 6, 4) + _vector(graph, 8, 4)
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        found += _vector(tensor, 4, 4) * 3 + _scalars(tensor)
        quantization = tensor.Quantization()
        if quantization is not None:
            found += _vector(quantization, 8, 4) + _vector(quantization, 10, 8)
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        found += _vector(operator, 6, 4) * 3 + _vector(operator, 8, 4)
        options = operator.BuiltinOptions()
        if options is not None:
            found += _scalars(options) * 3
    return found


def _vector(table: Any, slot: int, width: int) -> list[tuple[int, int]]:
    tab = getattr(table, "_tab", table)
    offset = tab.Offset(slot)
    if not offset:
        return []
    start, length = tab.Vector(offset), tab.VectorLen(offset)
    return [(start + width * i, width) for i in range(length)]


def _scalars(table: Any) -> list[tuple[int, int]]:
    """Return the fields stored in a table itself, whatever their width is."""
    tab = getattr(table, "_tab", table)
    (back,) = struct.unpack_from("<i", tab.Bytes, tab.Pos)
    vtable = tab.Pos - back
    (size,) = struct.unpack_from("<H", tab.Bytes, vtable)
    offsets = struct.unpack_from(f"<{(size - 4) // 2}H", tab.Bytes, vtable + 4)
    return [(tab.Pos + offset, 1) for offset in offsets if offset]


def mutated(seeds: Sequence[Seed], case: int) -> bytes:
    """Return the file of a case."""
    choice = random.Random(case)
    seed = choice.choice(seeds)
    data = bytearray(seed.data)
    for _ in range(choice.choice([1, 1, 1, 2, 3, 8])):
        if not data:
            break
        kind = choice.randrange(20)
        at = seed.position(choice) % len(data)
        if kind < 3:
            data[at] ^= 1 << choice.randrange(8)
        elif kind < 4:
            data[at] = choice.randrange(256)
        elif kind < 8:
            width = choice.choice([1, 2, 4, 4, 4, 8])
            _edit_integer(data, at - at % width, width, choice)
        elif kind < 9:
            _splice(data, at, choice.choice(seeds), choice)
        elif kind < 19:
            at, width = choice.choice(seed.numbers)
            _edit_integer(data, at, width, choice)
        else:
            del data[at : at + choice.choice([1, 4, 16, len(data)])]
    return bytes(data)


def _edit_integer(data: bytearray, at: int, width: int, choice: random.Random) -> None:
    raw = bytes(data[at : at + width]).ljust(width, b"\0")
    value = int.from_bytes(raw, "little")
    if choice.random() < 0.5:
        value += choice.choice([-8, -4, -2, -1, 1, 2, 4, 8])
    elif choice.random() < 0.2:
        value = struct.unpack("<I", struct.pack("<f", choice.choice([0.0, -1.0, 1e30, 1e-30])))[0]
    else:
        value = choice.choice(_INTERESTING)
    data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, "little")


def _splice(data: bytearray, at: int, other: Seed, choice: random.Random) -> None:
    size = choice.choice([4, 8, 32, 128])
    start = other.position(choice)
    part = other.data[start : start + size]
    replaced = len(part) if choice.random() < 0.7 else 0
    data[at : at + replaced] = part


def outcome(data: bytes) -> str:
    """Return how far a file gets; let every error pass that is not a typed one."""
    try:
        graph = read_graph(data)
    except ModelError:
        return "unreadable"
    result = "planned"
    for runtime in RUNTIMES.values():
        try:
            check_support(graph, runtime)
        except (ModelError, UnsupportedModelError) as error:
            # Others, such as those of a study, take a few operators only.
            result = type(error).__name__ if runtime.name in _GENERAL else result
    endings = {kernels: _planned(graph, kernels) for kernels in KERNEL_SETS}
    # A kernel set leaves to the reference kernels what it cannot run.
    if len(set(endings.values())) > 1:
        raise AssertionError(f"the kernel sets disagree: {endings}")
    (ending,) = set(endings.values())
    return ending or result


def _planned(graph: Graph, kernels: str) -> str:
    """Return the name of the typed error that planning ends in, or an empty string."""
    try:
        plan(graph, kernels=kernels)
    except (ModelError, UnsupportedModelError) as error:
        return type(error).__name__
    return ""


def _too_slow(signum: int, frame: Any) -> None:
    raise TimeoutError(f"longer than {CASE_SECONDS:g} s")


def main() -> None:
    """Run the cases and print a summary; the first unexpected error ends it with its case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", type=Path, nargs="+")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1)
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGALRM, _too_slow)
    seeds = [Seed(path.read_bytes()) for path in arguments.seeds]
    outcomes: Counter[str] = Counter()
    slowest = (0.0, -1)
    for case in range(arguments.first, arguments.first + arguments.count):
        started = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)
        try:
            outcomes[outcome(mutated(seeds, case))] += 1
        except BaseException as error:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise SystemExit(f"case {case}: {error!r}") from error
        signal.setitimer(signal.ITIMER_REAL, 0)
        slowest = max(slowest, (time.monotonic() - started, case))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"outcomes": outcomes, "slowest": slowest, "peak_kib": peak}))


if __name__ == "__main__":
    main()
