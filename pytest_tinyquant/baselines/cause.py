"""Where a change comes from, as a value: what grew, from what to what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from typing import Final
from typing import Literal

from pytest_tinyquant.metrics.text import delta_text
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import quantity_text


CauseKind = Literal[
    "layer", "symbol", "variable", "tensor", "part", "figure", "kernel", "first difference",
    "stack", "arena", "note",
]  # fmt: skip
"""What a cause is about: an operator's count, a symbol in flash, a variable in RAM, a tensor in the
arena, a part of the metric, a part that does not gate, a kernel that was swapped, the operator
where outputs begin to differ, the operator with the deepest stack, who lies at the arena's end; or
nothing but a remark."""

#: Kinds whose causes are the rows of a table, largest first.
_TABLES: Final = ("layer", "symbol", "variable", "tensor", "part")

_SEPARATORS: Final[Mapping[str, str]] = {"first difference": ": ", "stack": ": "}


@dataclass(frozen=True)
class Cause:
    """One reason for a change.

    :param name: of the operator, symbol, variable, tensor or part; empty for a note.
    :param before: the number in the baseline; None if it has none, likewise ``after``.
    :param unit: of the two numbers, where the kind alone does not say it.
    :param about: what else there is to say, such as an operator's kernel.
    :param count: how many causes this is the sum of; ``name`` is empty then.
    """

    kind: CauseKind
    name: str = ""
    before: int | float | None = None
    after: int | float | None = None
    unit: str = ""
    about: str = ""
    count: int = 1

    @property
    def delta(self) -> int | float | None:
        """By how much the number changed, what is missing counting as 0; None without any."""
        if self.before is None and self.after is None:
            return None
        return (self.after or 0) - (self.before or 0)

    @property
    def columns(self) -> tuple[str, str, str] | None:
        """Name, difference and remark, which stand below those of the causes beside it.

        None for a cause that is a sentence, and for a sum.
        """
        if self.kind not in _TABLES or self.delta is None or self.count > 1:
            return None
        return self.name, delta_text(self.delta), self.about or self._numbers

    @property
    def text(self) -> str:
        """The cause in a line of its own."""
        if self.count > 1:
            assert self.delta is not None, "only numbers have a sum"
            return f"and {self.count} more, {delta_text(self.delta)} together"
        if self.columns is not None:
            name, delta, remark = self.columns
            return f"{name}  {delta}   {remark}"
        if self.kind == "figure":
            return f"{self.name} {self._numbers}"
        return _SEPARATORS.get(self.kind, " ").join(filter(None, (self.name, self.about)))

    @property
    def _numbers(self) -> str:
        """The numbers in words: ``new``, ``gone`` or ``1,204 -> 1,516 bytes``."""
        if self.before is None:
            return "new"
        if self.after is None:
            return "gone"
        return f"{number_text(self.before)} -> {quantity_text(self.after, self.unit)}"

    def to_json(self) -> dict[str, Any]:
        """Return the cause as JSON types, in words as well; :meth:`from_json` reverses it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "before": self.before,
            "after": self.after,
            "unit": self.unit,
            "about": self.about,
            "count": self.count,
            "text": self.text,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Cause:
        """Rebuild a cause from what :meth:`to_json` returned."""
        return cls(
            kind=data["kind"],
            name=data["name"],
            before=data["before"],
            after=data["after"],
            unit=data["unit"],
            about=data["about"],
            count=data["count"],
        )
