"""What differs between two measurements, or two images, in numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.baselines.align import align_ops
from pytest_tinyquant.baselines.compare import find_context
from pytest_tinyquant.metrics.built_in import FLASH
from pytest_tinyquant.metrics.built_in import RAM
from pytest_tinyquant.system.cxx_names import readable


if TYPE_CHECKING:
    from pytest_tinyquant.firmware.elf import Elf
    from pytest_tinyquant.measure.measurement import Measurement


@dataclass(frozen=True)
class Change:
    """One number on both sides; None where a side does not have it.

    :param name: what it is the number of, such as ``latency invoke`` or a symbol.
    :param about: more to tell, such as the kernel of an operator.
    """

    name: str
    before: int | float | None
    after: int | float | None
    unit: str
    about: str = ""

    @property
    def delta(self) -> int | float:
        """Return by how much the number changed; what is missing counts as 0."""
        return (self.after or 0) - (self.before or 0)


@dataclass(frozen=True)
class Difference:
    """What differs in one combination, or between two images; largest change first.

    :param only_in: ``A`` or ``B`` if the other side does not have the combination at all.
    :param numbers: the metrics, part by part.
    :param tensors: what lies in the arena when it is fullest.
    :param variables: variables in RAM; not of baselines that were recorded without them.
    :param notes: what else differs, such as the toolchain.
    """

    name: str
    only_in: str = ""
    numbers: tuple[Change, ...] = ()
    operators: tuple[Change, ...] = ()
    symbols: tuple[Change, ...] = ()
    tensors: tuple[Change, ...] = ()
    variables: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != Difference(self.name)

    def to_json(self) -> dict[str, Any]:
        """Return the difference as JSON types."""
        return dataclasses.asdict(self)


def compare_all(
    first: Mapping[str, Measurement], second: Mapping[str, Measurement]
) -> list[Difference]:
    """Return what differs, by combination."""
    found = []
    for name in sorted({*first, *second}):
        if name not in first or name not in second:
            found.append(Difference(name, only_in="A" if name in first else "B"))
        else:
            found.append(compare_measurements(name, first[name], second[name]))
    return [difference for difference in found if difference]


def compare_measurements(name: str, old: Measurement, new: Measurement) -> Difference:
    """Return what differs between two measurements of one combination."""
    context = find_context(old, new)
    return Difference(
        name,
        numbers=tuple(_numbers(old, new)),
        operators=_largest(_operators(old, new)),
        symbols=_sizes(old.symbols, new.symbols),
        tensors=_sizes(
            {tensor.name: tensor.size for tensor in old.arena_tensors},
            {tensor.name: tensor.size for tensor in new.arena_tensors},
        ),
        variables=_sizes(old.variables, new.variables) if old.variables else (),
        notes=tuple(filter(None, (context.obstacle, *context.notes))),
    )


def compare_images(name: str, old: Elf, new: Elf) -> Difference:
    """Return what differs between two images."""
    numbers = []
    for what, before, after in (
        (FLASH.name, old.flash_use(), new.flash_use()),
        (RAM.name, old.ram_use(), new.ram_use()),
    ):
        values = dataclasses.asdict(after)
        for part, value in dataclasses.asdict(before).items():
            numbers.append(Change(f"{what} {part}", value, values[part], "bytes"))
    notes = () if old.loadable_bytes() == new.loadable_bytes() else ("other bytes in flash",)
    return Difference(
        name,
        numbers=tuple(change for change in numbers if change.delta),
        symbols=_sizes(old.flash_symbols(), new.flash_symbols()),
        variables=_sizes(old.variables(), new.variables()),
        notes=notes,
    )


def _numbers(old: Measurement, new: Measurement) -> Iterable[Change]:
    for metric in dict.fromkeys((*old.metrics, *new.metrics)):
        before, after = old.metrics.get(metric, {}), new.metrics.get(metric, {})
        for part in dict.fromkeys((*before, *after)):
            sides = [side[part].rounded() if part in side else None for side in (before, after)]
            if sides[0] == sides[1]:
                continue
            kinds = dict.fromkeys((m.unit, m.number_class) for m in sides if m)
            # One row for each kind: numbers of two units or classes have no difference.
            for unit, number_class in kinds:
                a, b = (
                    m.value if m and (m.unit, m.number_class) == (unit, number_class) else None
                    for m in sides
                )
                yield Change(f"{metric} {part}", a, b, unit, number_class)


def _operators(old: Measurement, new: Measurement) -> Iterable[Change]:
    for change in align_ops(old.ops, new.ops):
        kernels = dict.fromkeys(op.kernel for op in (change.old, change.new) if op)
        if change.delta or len(kernels) > 1 or change.old is None or change.new is None:
            yield Change(
                change.name,
                change.old.count if change.old else None,
                change.new.count if change.new else None,
                new.count_unit,
                " -> ".join(kernels),
            )


def _sizes(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[Change, ...]:
    """Return the names whose sizes differ."""
    names = dict.fromkeys((*before, *after))
    changes = (Change(readable(name), before.get(name), after.get(name), "bytes") for name in names)
    return _largest(change for change in changes if change.before != change.after)


def _largest(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: (-abs(change.delta), change.name)))
