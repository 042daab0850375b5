"""The steps that a scheme takes with the weights before it converts a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from typing import Final

from pytest_tinyquant.system.toml_table import Table


KINDS: Final = ("prune", "cluster", "qat")

_FORMS: Final = (
    "'prune:0.5', 'prune:0.8:polynomial', 'prune:2:4', 'cluster:16', 'cluster:16:linear' or 'qat'"
)
_START: Final = ("kmeans", "linear", "density", "random")


@dataclass(frozen=True)
class Step:
    """One step.

    :param kind: ``prune``, ``cluster`` or ``qat`` (quantization-aware training).
    :param sparsity: the share of zeros that pruning leaves, 0 to 1.
    :param pattern: (m, n) for m zeros in every n neighbouring weights; (0, 0) for any place.
    :param schedule: ``constant``, or ``polynomial`` to prune little by little.
    :param clusters: how many values clustering leaves in a tensor.
    :param start: how clusters are found at first.
    :param written: as the scheme writes it, for messages.
    """

    kind: str
    sparsity: float = 0.0
    pattern: tuple[int, int] = (0, 0)
    schedule: str = "constant"
    clusters: int = 0
    start: str = "kmeans"
    written: str = ""

    @property
    def text(self) -> str:
        """What the step does, in words."""
        if self.kind == "prune":
            how = (
                f"{self.pattern[0]} of every {self.pattern[1]}"
                if self.pattern[1]
                else (f"{self.sparsity:.0%} of the")
            )
            return f"prune {how} weights ({self.schedule})"
        if self.kind == "cluster":
            return f"cluster weights around {self.clusters} values ({self.start})"
        return "train with quantization in the loop"


def read_steps(table: Table) -> tuple[Step, ...]:
    """Return the steps under the key ``steps`` of a scheme's table.

    :raises ConfigurationError: a step is not known, or they are in an order that undoes one.
    """
    steps = [_step(text, table) for text in table.strings("steps")]
    order = [KINDS.index(step.kind) for step in steps]
    if order != sorted(set(order)):
        raise table.error(
            "key 'steps': prune, cluster and qat may each stand once and in this order, since "
            "each keeps what those before it did; reorder them"
        )
    return tuple(steps)


def _step(text: str, table: Table) -> Step:
    kind, *words = text.split(":")
    step = None
    if kind == "prune":
        step = _prune(words)
    elif kind == "cluster":
        step = _cluster(words)
    elif kind == "qat" and not words:
        step = Step("qat")
    if step is None:
        raise table.error(f"key 'steps': {text!r} is no step; write {_FORMS}")
    return replace(step, written=text)


def _prune(words: Sequence[str]) -> Step | None:
    if len(words) == 2 and all(re.fullmatch(r"\d{1,2}", word) for word in words):
        zeros, group = (int(word) for word in words)
        if 0 < zeros < group:
            return Step("prune", zeros / group, (zeros, group))
        return None
    if not words or not re.fullmatch(r"0?\.\d+", words[0]) or float(words[0]) == 0.0:
        return None
    if words[1:] and words[1:] not in (["constant"], ["polynomial"]):
        return None
    return Step("prune", float(words[0]), schedule=words[1] if words[1:] else "constant")


def _cluster(words: Sequence[str]) -> Step | None:
    if not words or not re.fullmatch(r"\d{1,3}", words[0]) or not 2 <= int(words[0]) <= 256:
        return None
    if len(words) > 2 or (len(words) == 2 and words[1] not in _START):
        return None
    return Step("cluster", clusters=int(words[0]), start=words[1] if words[1:] else "kmeans")
