"""What judges the measurements of a run; by baselines or, in an A/B run, by another revision."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Protocol


if TYPE_CHECKING:
    from pytest_tinyquant.baselines.recording import WrittenBaseline
    from pytest_tinyquant.baselines.verdict import Verdict
    from pytest_tinyquant.measure.measurement import Measurement


class Judge(Protocol):
    """Gives verdicts, and may record what it judged."""

    def check(
        self,
        metric: str,
        measurement: Measurement,
        *,
        tolerances: Iterable[Mapping[str, Any]] = (),
        test: str = "",
    ) -> Verdict:
        """Return the verdict on one metric; it is the caller who fails or skips the test.

        :param tolerances: layers over the project's, later ones win: the model's, the marker's.
        :param test: id of the test whose pass lets the metric be recorded; empty for one that is
            expected to fail, and for none. A judge that records nothing passes over it.
        """

    def reference(self, measurement: Measurement) -> Measurement | None:
        """Return what ``measurement`` is judged by; None if there is nothing."""

    def record(self, passed: Collection[str], *, staging: Path | None = None) -> list[str]:
        """Write what was judged; return what could not be written, and why.

        :param passed: ids of the tests that ran and passed.
        """

    def written(self) -> tuple[WrittenBaseline, ...]:
        """Return the baselines that :meth:`record` wrote or left as they were."""
