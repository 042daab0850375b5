"""Looks for the cause of a regression where the recorded numbers cannot tell it.

Counts per operator and sizes per symbol are part of every measurement. Where an error begins, and
who needs the stack, is found by running the regressed image once more, operator by operator.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.baselines.cause import Cause
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.spec import Explanation
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.case import Converted
from pytest_tinyquant.project.case import grown
from pytest_tinyquant.support.runtimes import RUNTIMES


if TYPE_CHECKING:
    from pytest_tinyquant.baselines.verdict import Verdict
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.stages.layer_by_layer import LayerByLayer
    from pytest_tinyquant.stages.steps import Steps

_RUNTIME = "TensorFlow Lite Micro's"

#: The kinds of causes that are found here, by another run of the image.
SEARCHES: Final[tuple[Explanation, ...]] = ("first difference", "high water")


class Investigation:
    """Explains regressions of one combination."""

    def __init__(self, steps: Steps, case: Case) -> None:
        self._steps = steps
        self._case = case

    def explain(self, verdict: Verdict, current: Measurement, baseline: Measurement) -> Verdict:
        """Return ``verdict`` with the causes found added to it.

        A verdict that is no regression, and one about a measurement that these stages did not
        take, is returned as it is. What prevents the search is told, not raised: the regression
        stands whatever becomes of it.
        """
        kinds = METRICS[verdict.metric].explained_by
        if verdict.status != "regressed" or not set(kinds) & set(SEARCHES):
            return verdict
        try:
            causes = self._causes(verdict, current, baseline)
        except Exception as error:
            why = str(error).partition("\n")[0]
            if not isinstance(error, TinyQuantError):
                why = f"{type(error).__name__}: {why}"
            causes = [Cause("note", about=f"no search layer by layer: {why}")]
        return dataclasses.replace(verdict, causes=(*causes, *verdict.causes))

    def _causes(self, verdict: Verdict, current: Measurement, baseline: Measurement) -> list[Cause]:
        from pytest_tinyquant.stages.layer_by_layer import LayerByLayer
        from pytest_tinyquant.stages.layer_by_layer import find_converted

        sha256 = current.identity["tflite_sha256"]
        if find_converted(self._steps.cache, sha256) is None:
            return []
        model, scheme = self._case.model, self._case.scheme
        converted = grown(self._case, Converted, converted=self._steps.convert(model, scheme))
        if converted.converted.sha256 != sha256:
            return []
        layers = None
        board = self._case.board
        if not board.target.runs_here and not RUNTIMES[board.runtime].is_compiled:
            # No plan of the engine says where such a runtime keeps its tensors.
            title = RUNTIMES[board.runtime].title
            found = (
                self._model_causes(current, baseline)
                if "first difference" in METRICS[verdict.metric].explained_by
                else []
            )
            what = f"no search layer by layer on the board: {title} does not show its tensors there"
            return [*found, Cause("note", about=what)]
        if not board.target.runs_here:
            built = self._steps.build(self._steps.check(converted))
            if built.image.sha256 != current.identity.get("image"):
                return []
            layers = LayerByLayer(self._steps, built)
        causes: list[Cause] = []
        for kind in METRICS[verdict.metric].explained_by:
            if kind == "high water" and layers is not None:
                causes += _high_water(layers, verdict)
            elif kind == "first difference":
                causes += self._first_difference(layers, current, baseline)
        return causes

    def _first_difference(
        self, layers: LayerByLayer | None, current: Measurement, baseline: Measurement
    ) -> list[Cause]:
        part = layers.first_difference() if layers else None
        if part is not None:
            return [part.cause(_RUNTIME)]
        causes = []
        if layers is not None:
            what = f"every operator's output is {_RUNTIME}: it is the model that changed"
            causes.append(Cause("note", about=what))
        return causes + self._model_causes(current, baseline)

    def _model_causes(self, current: Measurement, baseline: Measurement) -> list[Cause]:
        from pytest_tinyquant.stages.layer_by_layer import compare_models
        from pytest_tinyquant.stages.layer_by_layer import find_converted

        digests = [side.identity["tflite_sha256"] for side in (baseline, current)]
        if digests[0] == digests[1]:
            return []
        old, new = (find_converted(self._steps.cache, digest) for digest in digests)
        if old is None or new is None:
            what = (
                f"the earlier model file ({digests[0][:12]}) is not in the cache, so the two "
                "cannot be run side by side; --tq-ab REV converts and runs both"
            )
            return [Cause("note", about=what)]
        part = compare_models(self._steps, self._case.model, old, new)
        if part is None:
            return [Cause("note", about="the two model files compute the same in every operator")]
        return [part.cause("the earlier model file's")]


def _high_water(layers: LayerByLayer, verdict: Verdict) -> list[Cause]:
    """Return who lies highest in the arena, and who needs the most stack, if these grew."""
    causes = []
    grown = {cause.name for cause in verdict.causes if cause.kind == "part"}
    if "arena" in grown:
        plan = layers.plan
        writers = {id(plan.placements[op.tensor]): f"{op.label} output" for op in plan.ops}
        top = max(plan.arena_tensors, key=lambda row: (row.offset + row.bytes, row.bytes))
        what = (
            f"reaches the arena's end: {top.bytes:,} bytes at {top.offset:,} of "
            f"{plan.arena_bytes:,}"
        )
        causes.append(Cause("arena", writers.get(id(top), top.name), about=what))
    if "stack" in grown:
        deepest = layers.deepest_operator()
        if deepest is not None:
            # How deep it is counts from elsewhere than the metric's own number, which stands above.
            causes.append(Cause("stack", deepest[0], about="deepest stack"))
    return causes
