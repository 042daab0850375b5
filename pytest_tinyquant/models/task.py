"""What a model is for, and which of its figures decides: the table [task] of its TOML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import replace
from typing import Final
from typing import Literal
from typing import cast

from pytest_tinyquant.system.toml_table import Table


TaskKind = Literal["classification", "regression", "anomaly"]
KINDS: Final[tuple[TaskKind, ...]] = ("classification", "regression", "anomaly")

_FUNCTION: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")

#: Parts of the metric error that exist for each kind of task, beside those of every model.
FIGURES: Final[dict[TaskKind, tuple[str, ...]]] = {
    "classification": ("accuracy", "accuracy_drop", "top5"),
    "regression": ("target_mae", "target_rmse", "r2"),
    "anomaly": ("auc", "auc_drop"),
}

#: Parts that exist without labels.
_ALWAYS: Final = ("mae", "rmse", "max_abs", "cosine", "l2r", "nse", "top1")


@dataclass(frozen=True)
class Task:
    """What [task] says.

    :param kind: what labels mean; None to tell by their form.
    :param gate: the part of the metric error that decides; empty for its usual one.
    :param metric: ``module:function`` of the user's own figure; empty for none.
    :param lower_is_better: of that figure.
    :param where: file and table, for messages.
    """

    kind: TaskKind | None = None
    gate: str = ""
    metric: str = ""
    lower_is_better: bool = False
    where: str = ""

    @property
    def part(self) -> str:
        """The part of the metric error that holds the user's own figure; empty for none."""
        if not self.metric:
            return ""
        return f"{'loss' if self.lower_is_better else 'score'}_{self.metric.partition(':')[2]}"

    @property
    def gating(self) -> tuple[str, ...]:
        """The parts that decide in place of the usual ones; empty for the usual ones."""
        return (self.gate,) if self.gate else ()


def read_task(table: Table) -> Task:
    """Return what the table says; empty tables say nothing.

    :raises ConfigurationError: for an unknown key, kind or figure.
    """
    if not table.values:
        return Task()
    table.allow(["kind", "gate", "metric", "lower_is_better"])
    kind = table.get_optional("kind", str)
    if kind is not None:
        table.choice("kind", kind, KINDS)
    metric = table.get("metric", str, "")
    if metric and not _FUNCTION.fullmatch(metric):
        raise table.error(f'metric {metric!r} is not of the form "module:function"')
    task = Task(
        kind=cast("TaskKind | None", kind),
        metric=metric,
        lower_is_better=table.get("lower_is_better", bool, False),
        where=f"{table.file}: {table.label}",
    )
    gate = table.get("gate", str, "")
    if not gate:
        return task
    figures = [f for k in ([task.kind] if task.kind else KINDS) for f in FIGURES[k]]
    table.choice("gate", gate, [*figures, *_ALWAYS, *(["metric"] if metric else [])])
    return replace(task, gate=task.part if gate == "metric" else gate)
