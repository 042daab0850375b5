"""Judge one metric of a measurement against its baseline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import replace
from typing import Final

from pytest_tinyquant.baselines.attribution import explain
from pytest_tinyquant.baselines.verdict import Comparison
from pytest_tinyquant.baselines.verdict import Status
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.built_in import ESTIMATED_CYCLES
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.text import number_text
from pytest_tinyquant.metrics.text import quantity_text
from pytest_tinyquant.metrics.tolerance import Tolerance
from pytest_tinyquant.metrics.tolerances import Tolerances
from pytest_tinyquant.project.target import Target


#: Statuses of single numbers from the worst to the best; a verdict is its worst number's.
_WORST_FIRST: Final[tuple[Status, ...]] = (
    "not comparable",
    "missing",
    "regressed",
    "improved",
    "ok",
)

#: Begins the note that says that raw outputs are other ones than the baseline's.
OUTPUTS_CHANGED: Final = "outputs changed"

#: What to do about a baseline that no longer fits.
RECORD_ANEW: Final = "If that is intended, record it with --tq-update-baselines=all"


@dataclass(frozen=True)
class Context:
    """How the two sides of a comparison differ beside their numbers.

    :param obstacle: why they cannot be compared at all; empty if they can.
    :param other_build: what makes the wider tolerances apply; empty if nothing does.
    :param same_image: both sides ran the very same firmware image.
    :param estimated: both are what the same compiler says; its estimates are judged.
    :param notes: the differences, for the reader.
    """

    obstacle: str
    other_build: str
    same_image: bool
    estimated: bool
    notes: tuple[str, ...]


def compare(
    metric: str,
    baseline: Measurement,
    current: Measurement,
    tolerances: Tolerances,
    path: str,
) -> Verdict:
    """Return the verdict on ``metric`` with causes for whatever did not stay the same.

    :param path: the baseline's file, or what else the current numbers stand beside.
    """
    context = find_context(baseline, current)
    comparisons, problems = _compare_parts(metric, baseline, current, tolerances, context)
    if context.obstacle:
        problems.insert(0, context.obstacle)
        comparisons = [
            Comparison(c.part, c.baseline, c.current, "not comparable", c.limit)
            for c in comparisons
        ]
    statuses: list[Status] = [comparison.status for comparison in comparisons]
    if problems and "missing" not in statuses:
        statuses.append("not comparable")
    status: Status = min(statuses, key=_WORST_FIRST.index, default="not comparable")
    causes = explain(metric, baseline, current) if status == "regressed" else ()
    return Verdict(
        combination=current.combination,
        metric=metric,
        status=status,
        comparisons=tuple(comparisons),
        path=path,
        message="; ".join(problems),
        notes=(
            *remarks(metric, current),
            *context.notes,
            *_passed_over(metric, baseline, current),
        ),
        causes=causes,
    )


def advised(verdict: Verdict) -> Verdict:
    """Return a verdict that also says how to record a baseline which no longer fits."""
    if verdict.message:
        return replace(
            verdict, message=f"{verdict.message}. {RECORD_ANEW} (baseline {verdict.path})"
        )
    if verdict.status == "improved":
        message = "better than the baseline; keep it with --tq-update-baselines=all"
        return replace(verdict, message=message)
    return verdict


def remarks(metric: str, measurement: Measurement) -> tuple[str, ...]:
    """Return what a reader must know of the numbers of a metric."""
    found = measurement.remarks.get(metric)
    return (found,) if found else ()


def _passed_over(metric: str, baseline: Measurement, current: Measurement) -> Iterator[str]:
    """Yield what changed of the numbers that usually decide, where estimates decide instead."""
    if ESTIMATED_CYCLES not in current.gate_names(metric):
        return
    for part in METRICS[metric].gating:
        old = baseline.metrics.get(metric, {}).get(part)
        new = current.metrics.get(metric, {}).get(part)
        if part in current.gate_names(metric) or old is None or new is None or old == new:
            continue
        change = f" ({new.value / old.value - 1:+.1%})" if old.value else ""
        yield (
            f"{number_text(old.value)} -> {quantity_text(new.value, new.unit)}{change}, which this "
            "board's gate does not judge"
        )


def find_context(baseline: Measurement, current: Measurement) -> Context:
    """Return what else changed between the baseline and the measurement."""
    old, new = baseline.identity, current.identity
    same_file = old["tflite_sha256"] == new["tflite_sha256"]
    same_source = old["model_sha256"] == new["model_sha256"]
    notes = []
    other_build = ""
    obstacle = ""
    if old["runtime"] != new["runtime"]:
        obstacle = f"the baseline is of runtime {old['runtime']}, this run of {new['runtime']}"
    estimated = Target(current.target).is_reported
    if estimated and not obstacle:
        obstacle = _other_compiler(baseline, current)
    if not same_source:
        notes.append(
            "model source changed (weights, recipe or data)"
            + ("; the converted file is the same" if same_file else "")
        )
    if baseline.toolchain != current.toolchain and not obstacle:
        other_build = "other toolchain"
        notes.append(f"other toolchain: {baseline.toolchain} -> {current.toolchain}")
    if old["converter"] != new["converter"]:
        other_build = other_build or "other converter"
        notes.append(f"other converter: {old['converter']} -> {new['converter']}")
    elif not same_file and same_source:
        other_build = other_build or "other converted file"
        notes.append(
            "model file changed: the same model was converted to other bytes "
            f"({old['tflite_sha256'][:12]} -> {new['tflite_sha256'][:12]}), as another CPU's "
            "calibration does"
        )
    for key, name in (
        ("runtime_version", "runtime"),
        ("kernels", "kernels"),
    ):
        if old[key] != new[key] and not obstacle:
            notes.append(f"{name} changed: {old[key]} -> {new[key]}")
    if old["flags"] != new["flags"] and not obstacle:
        notes.append(f"compiler flags changed: {_changed_words(old['flags'], new['flags'])}")
    if baseline.output_sha256 != current.output_sha256 and not obstacle:
        notes.append(
            f"{OUTPUTS_CHANGED} ({baseline.output_sha256[:12]} -> {current.output_sha256[:12]})"
        )
    same_image = bool(new.get("image")) and old.get("image") == new.get("image")
    return Context(obstacle, other_build, same_image, estimated, tuple(notes))


#: How a compiler's or a tool's numbers came about.
_MADE: Final = {"estimates": "estimated", "figures": "reported"}


def _other_compiler(baseline: Measurement, current: Measurement) -> str:
    """Return why two estimates are not of one thing: another compiler, or told something else."""
    what = "estimates" if current.target == Target.COMPILER else "figures"
    if baseline.toolchain != current.toolchain:
        return (
            f"the baseline's {what} are of {baseline.toolchain}, these of {current.toolchain}; "
            f"{what} of different versions are not comparable. Install the baseline's version"
        )
    old, new = baseline.identity["flags"], current.identity["flags"]
    if old != new:
        return f"the baseline was {_MADE[what]} with {old}, this run with {new}"
    return ""


def _changed_words(old: str, new: str) -> str:
    """Return what a list of words gained and lost, such as ``added -Os, removed -O2``."""
    before, after = old.split(), new.split()
    changes = [f"added {word}" for word in after if word not in before]
    changes += [f"removed {word}" for word in before if word not in after]
    return ", ".join(changes) or "another order"


def _compare_parts(
    metric: str,
    baseline: Measurement,
    current: Measurement,
    tolerances: Tolerances,
    context: Context,
) -> tuple[list[Comparison], list[str]]:
    comparisons: list[Comparison] = []
    problems: list[str] = []
    # Which parts decide is what the model's TOML says today, not when the baseline was recorded.
    decide = current.gate_names(metric)
    before = {p: n for p, n in baseline.metrics.get(metric, {}).items() if p in decide}
    for part, number in current.gating(metric).items():
        tolerance = tolerances.find(
            metric,
            number.number_class,
            same_image=context.same_image,
            same_build=not context.other_build,
        )
        limit = tolerance.text(number.unit)
        if context.other_build:
            limit = f"{limit}, {context.other_build}"
        old = before.pop(part, None)
        higher = METRICS[metric].higher_is_better(part)
        status, problem = _compare_number(
            f"{metric}.{part}", old, number, tolerance, higher=higher, estimated=context.estimated
        )
        comparisons.append(Comparison(part, old, number, status, limit))
        problems += [problem] if problem else []
    problems += [f"{metric}.{part} is no longer measured" for part in before]
    return comparisons, problems


def _compare_number(
    name: str,
    old: Metric | None,
    new: Metric,
    tolerance: Tolerance,
    *,
    higher: bool,
    estimated: bool = False,
) -> tuple[Status, str]:
    if old is None:
        return "missing", f"the baseline has no {name}"
    if old.number_class != new.number_class:
        return "not comparable", (
            f"{name} is {old.number_class} in the baseline and {new.number_class} here; numbers "
            "of different classes are not comparable"
        )
    if old.unit != new.unit:
        return "not comparable", (f"{name} is in {old.unit} in the baseline and in {new.unit} here")
    judged = estimated or name.endswith(f".{ESTIMATED_CYCLES}")
    if new.number_class == "estimated" and not judged:
        return "not comparable", f"{name} is an estimate; estimates are reported, not judged"
    return _judge(old.rounded().value, new.rounded().value, tolerance, higher=higher), ""


def _judge(old: float, new: float, tolerance: Tolerance, *, higher: bool) -> Status:
    """Judge two numbers.

    :param higher: growth is an improvement.
    """
    slack = tolerance.slack(old)
    worse = old - new if higher else new - old
    if worse > slack:
        return "regressed"
    return "improved" if -worse > slack else "ok"
