"""Growth too slow for the gate: the sum of many steps, each of which it let pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_tinyquant.baselines import schema
from pytest_tinyquant.baselines.compare import compare
from pytest_tinyquant.baselines.store import BaselineStore
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import located
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.tolerance import Tolerance
from pytest_tinyquant.metrics.tolerances import Tolerances
from pytest_tinyquant.system.git import Repository


class Release:
    """The baselines of a revision, which later runs must not leave far behind.

    :param revision: as the user names it.
    :param directory: the project's baselines in the working tree.
    :param limits: the user's, over those of the metrics' descriptions.
    :raises RevisionError: there is no such revision.
    :raises ConfigurationError: it has no baselines.
    """

    def __init__(self, revision: str, directory: Path, limits: Mapping[str, Any]) -> None:
        self.revision = revision
        self._store = BaselineStore(directory)
        with located("creep limit"):
            self._limits = Tolerances.of(default_limits(), limits)
        start = next(p for p in (directory, *directory.parents) if p.is_dir())
        self._repository = Repository.around(start)
        self._commit = self._repository.commit(revision)
        self._root = self._repository.root.resolve()
        if not self._repository.files(self._commit, self._within(directory)):
            raise ConfigurationError(
                f"{revision} has no baselines in {self._within(directory)}; name a revision that "
                "has, such as the last release's tag"
            )

    def baseline(self, model: str, scheme: str, board: str, target: str) -> Measurement | None:
        """Return the release's baseline of a combination; None if it had none.

        :raises BaselineError: it is damaged.
        """
        path = self._store.path(model, scheme, board, target)
        name = self._within(path)
        content = self._repository.read(self._commit, [name]).get(name)
        return None if content is None else schema.parse(schema.decode(content, path), path)

    def judge(self, metric: str, measurement: Measurement) -> Verdict | None:
        """Return the verdict on what crept since the release; None if nothing did.

        Numbers that cannot be compared with the release's are none of this gate's business.
        """
        m = measurement
        baseline = self.baseline(m.model, m.scheme, m.board, m.target)
        if baseline is None:
            return None
        verdict = compare(metric, baseline, m, self._limits, self.revision)
        if verdict.status != "regressed":
            return None
        message = (
            f"crept since {self.revision}: the gate passes it, but the sum of all changes since "
            f"then is over the limit; `tinyquant history {metric} --creep --against "
            f"{self.revision}` shows the steps"
        )
        return dataclasses.replace(verdict, message=message)

    def limit(self, metric: str, number_class: str) -> Tolerance:
        """Return by how much a metric may grow."""
        return self._limits.find(metric, number_class, same_image=False, same_build=True)

    def _within(self, path: Path) -> str:
        """Return a path as git names it."""
        absolute = path.absolute()
        parent = absolute.parent.resolve()
        return (parent / absolute.name).relative_to(self._root).as_posix()


def default_limits() -> dict[str, Tolerance]:
    """Return by how much each metric may grow from a release on, unless the user says otherwise."""
    return {name: spec.creep_limit for name, spec in METRICS.items()}
