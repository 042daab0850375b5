"""Writes into baselines what was judged, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.baselines import schema
from pytest_tinyquant.baselines.proposals import Proposal
from pytest_tinyquant.baselines.store import BaselineStore
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.registry import METRICS


#: What a baseline holds beside a metric's numbers to explain them: field by kind of explanation.
_FIELDS: Final = {
    "first difference": "output_sha256",
    "operators": "ops",
    "symbols": "symbols",
    "variables": "variables",
    "arena": "arena_tensors",
}


@dataclass(frozen=True)
class ChangedNumber:
    """One number of a baseline that a run changed.

    :param before: None for a number that the baseline did not have.
    :param after: None for one that it has no longer.
    """

    metric: str
    part: str
    before: Metric | None
    after: Metric | None


@dataclass(frozen=True)
class WrittenBaseline:
    """A baseline that a run recorded.

    :param metrics: the metrics that it recorded, in the order of their names.
    :param is_new: there was no such file before.
    :param changed: the file's text is another one than before.
    :param changes: the numbers that are others than before; not told for a file that is new.
    """

    path: Path
    metrics: tuple[str, ...]
    is_new: bool
    changed: bool
    changes: tuple[ChangedNumber, ...]


def record(
    store: BaselineStore,
    proposals: Iterable[Proposal],
    passed: Collection[str],
    *,
    staging: Path | None = None,
) -> tuple[list[WrittenBaseline], list[str]]:
    """Write what tests judged that passed; return that, and what could not be written and why.

    :param passed: ids of the tests that ran and passed.
    :param staging: directory for temporary files on the baselines' filesystem; None to write them
        beside the baselines.
    """
    written: list[WrittenBaseline] = []
    problems: list[str] = []
    wanted = [proposal for proposal in proposals if proposal.test in passed]
    for path, group in groupby(wanted, key=lambda proposal: proposal.path):
        judged = {proposal.metric: proposal.measurement for proposal in group}
        try:
            written.append(_write(store, path, judged, staging))
        except BaselineError as error:
            problems.append(str(error))
    return written, problems


def merged(old: Measurement | None, judged: Mapping[str, Measurement], path: Path) -> Measurement:
    """Return the baseline ``old`` with the metrics that were judged in place of its own.

    What stands in the file and was not judged stays, with what explains it. The toolchain and the
    identity become those of what was judged last: numbers that stay are judged from now on as
    strictly as if they had been built alike.

    :param judged: measurements by the metric that they were judged for.
    :raises BaselineError: numbers that would stay are of another runtime.
    """
    latest = judged[max(judged, key=_decides_image)]
    standing = {} if old is None else {m: n for m, n in old.metrics.items() if m not in judged}
    if old is not None and standing and old.identity["runtime"] != latest.identity["runtime"]:
        raise BaselineError(
            f"baseline {path} cannot take {', '.join(sorted(judged))} of runtime "
            f"{latest.identity['runtime']} beside {', '.join(sorted(standing))} of runtime "
            f"{old.identity['runtime']}; record all metrics in one run"
        )
    base = latest if old is None else old
    fields: dict[str, Any] = {name: getattr(base, name) for name in _FIELDS.values()}
    if old is None:
        empty = Measurement("", "", "", "", {}, "", {}, latest.output_sha256)
        fields = {name: getattr(empty, name) for name in _FIELDS.values()}
    for metric, measurement in judged.items():
        for kind in METRICS[metric].explained_by:
            if kind in _FIELDS:
                fields[_FIELDS[kind]] = getattr(measurement, _FIELDS[kind])
    numbers = {metric: measurement.metrics[metric] for metric, measurement in judged.items()}
    return replace(
        latest,
        identity=_identity(old, latest, judged),
        metrics={**standing, **numbers},
        **fields,
    )


def changes_between(
    old: Measurement | None, new: Measurement, metrics: Iterable[str]
) -> tuple[ChangedNumber, ...]:
    """Return the numbers of these metrics that differ, as baselines store them."""
    changes = []
    for metric in metrics:
        before = {} if old is None else old.metrics.get(metric, {})
        after = new.metrics[metric]
        for part in dict.fromkeys((*before, *after)):
            was, now = before.get(part), after.get(part)
            if _stored(was) != _stored(now):
                changes.append(ChangedNumber(metric, part, was, now))
    return tuple(changes)


def _write(
    store: BaselineStore, path: Path, judged: Mapping[str, Measurement], staging: Path | None
) -> WrittenBaseline:
    try:
        text = store.read_text(path)
        old = None if text is None else store.parse(text, path)
    except BaselineError:
        text, old = "", None  # writing it anew is what heals a damaged file
    new = merged(old, judged, path)
    changed = schema.dump(new) != text
    if changed:
        store.write(new, staging=staging)
    changes = () if old is None else changes_between(old, new, sorted(judged))
    return WrittenBaseline(path, tuple(sorted(judged)), text is None, changed, changes)


def _identity(
    old: Measurement | None, latest: Measurement, judged: Mapping[str, Measurement]
) -> dict[str, str]:
    """Return what was measured; the image is that of the numbers that scatter from run to run."""
    identity = dict(latest.identity)
    if old is not None and not any(map(_decides_image, judged)):
        identity.pop("image", None)
        if "image" in old.identity:
            identity["image"] = old.identity["image"]
    return identity


def _decides_image(metric: str) -> bool:
    return METRICS[metric].scatters


def _stored(number: Metric | None) -> Metric | None:
    return None if number is None else number.rounded()
