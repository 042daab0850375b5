"""The description of one metric: everything that the other rooms need to know about it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from fnmatch import fnmatchcase
from typing import Any
from typing import Final
from typing import Literal
from typing import cast
from typing import get_args

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.metrics.metric import NUMBER_CLASSES
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.metric import NumberClass
from pytest_tinyquant.metrics.tolerance import Tolerance


TARGETS: Final = ("host", "emulator", "hardware", "compiler", "tool")
"""How a run can reach a board; where a compiler or a vendor's tool speaks of one, nothing runs
here."""

Explanation = Literal[
    "first difference", "high water", "operators", "symbols", "parts", "figures", "kernels",
    "variables", "arena",
]  # fmt: skip
"""Kinds of causes. ``baselines/attribution.py`` finds most in the recorded numbers;
``stages/investigation.py`` runs the image again for the first two: the first operator whose output
is wrong, and who needs the most memory."""

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

Measure = Callable[[Any], Mapping[str, Metric]]
"""Takes a :class:`~pytest_tinyquant.measure.observation.Observation`, returns numbers by part."""


@dataclass(frozen=True)
class Part:
    """One of the numbers that a metric has.

    :param name: as in baselines; one that ends in ``*`` stands for all names that begin so.
    :param gates: whether it decides the verdict; the other parts only explain it.
    :param higher_is_better: as of an accuracy; otherwise less is better.
    """

    name: str
    gates: bool = False
    higher_is_better: bool = False


@dataclass(frozen=True)
class PublishedColumn:
    """The column of a study's table that a metric's numbers are shown beside.

    :param holds: what is in it, with its unit.
    """

    name: str
    holds: str


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """What a metric is, how it is judged and how it is shown.

    :param name: as in ``test_NAME``, in the ``metrics`` of boards.toml, in baselines and options.
    :param title: heading in reports.
    :param description: one sentence below it.
    :param parts: its numbers, in the order in which they are shown; the first that gates is the
        one that summaries show.
    :param classes: where it can be measured, and how far its numbers can be trusted there: the
        class of a gating number by target, one of :data:`TARGETS`. A part that is more trustworthy
        than that is welcome.
    :param measure: takes what a run left to its numbers: a function, or ``"module:function"``,
        which is imported when first needed.
    :param tolerance: slack against the baseline by number class; none for a class left out.
    :param rebuilt: slack of a measured number whose image is not the baseline's very image; by
        default that of ``tolerance``.
    :param other_build: least slack if toolchain, converter or converted file differ.
    :param creep_limit: by how much it may grow from a release on, whatever each change was allowed.
        Those of the built-in metrics are this project's choice, not a measurement: small enough to
        be noticed before a board's memory is full, large enough for a deliberate exchange of one
        metric for another.
    :param units: what an absolute slack may be given in, and how many of the metric's units that
        is; ``""`` for a bare number.
    :param whole: an absolute slack must be a whole number, so that nobody writes ``0.05`` for 5 %.
    :param scatters: measured numbers depend on the board's clock or its surroundings. Its noise
        floor then widens the tolerance, a second measurement must confirm a regression, and a
        canary that drifted voids it.
    :param metered: a power meter measures it: on real boards whose bench row names one, with
        firmware that marks windows for it. Where the board is emulated it is not judged. Its noise
        floor is its own, not that of the board's counts.
    :param per_operator: the count of each operator is a share of its gating number.
    :param explained_by: the kinds of causes that a regression is traced to, in this order.
    :param least: what a scheme with the least of it is called, such as ``fastest``; empty if it is
        no cost that a scheme is chosen by.
    :param quality: the parts that tell how good a scheme is, the most telling first.
    :param published: the column of ``baselines/published/`` that it is drawn beside.
    """

    name: str
    title: str
    description: str
    parts: tuple[Part, ...]
    classes: Mapping[str, NumberClass]
    measure: Measure | str
    tolerance: Mapping[str, Tolerance] = field(default_factory=dict)
    rebuilt: Tolerance | None = None
    other_build: Tolerance = field(default_factory=lambda: Tolerance(relative=0.05))
    creep_limit: Tolerance = field(default_factory=lambda: Tolerance(relative=0.02))
    units: Mapping[str, float] = field(default_factory=lambda: {"": 1})
    whole: bool = False
    scatters: bool = False
    metered: bool = False
    per_operator: bool = False
    explained_by: tuple[Explanation, ...] = ("parts",)
    least: str = ""
    quality: tuple[str, ...] = ()
    published: PublishedColumn | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"metric {self.name!r}: a name is lower-case words joined by _, as in test_NAME"
            )
        if not self.gating:
            raise ConfigurationError(f"metric '{self.name}': one of its parts must gate")
        for target, number_class in self.classes.items():
            if target not in TARGETS or number_class not in NUMBER_CLASSES:
                raise ConfigurationError(
                    f"metric '{self.name}': classes has {target!r}: {number_class!r}; targets are "
                    f"{', '.join(TARGETS)}, classes {', '.join(NUMBER_CLASSES)}"
                )
        for kind in self.explained_by:
            if kind not in get_args(Explanation):
                raise ConfigurationError(
                    f"metric '{self.name}': explained_by has {kind!r}; known: "
                    f"{', '.join(get_args(Explanation))}"
                )

    @property
    def gating(self) -> tuple[str, ...]:
        """The names of the parts that decide, most important first."""
        return tuple(part.name for part in self.parts if part.gates)

    @property
    def primary(self) -> str:
        """The name of the part that summaries show."""
        return self.gating[0]

    @property
    def part_names(self) -> tuple[str, ...]:
        """The names of all parts, as the description spells them."""
        return tuple(part.name for part in self.parts)

    def part(self, name: str) -> Part | None:
        """Return the description of the part ``name``; None if there is none such."""
        return next((part for part in self.parts if fnmatchcase(name, part.name)), None)

    def higher_is_better(self, part: str) -> bool:
        """Tell whether growth of a part is an improvement."""
        described = self.part(part)
        return described is not None and described.higher_is_better

    def default_tolerance(self, number_class: str, *, same_image: bool) -> Tolerance:
        """Return the slack that a number has unless the user says otherwise."""
        if number_class == "measured" and not same_image and self.rebuilt is not None:
            return self.rebuilt
        return self.tolerance.get(number_class, Tolerance())

    def has_noise(self, number_class: str) -> bool:
        """Tell whether numbers of a class differ between two runs of one image."""
        return self.scatters and number_class == "measured"

    def measuring(self) -> Measure:
        """Return the function that measures it."""
        if not isinstance(self.measure, str):
            return self.measure
        module, _, function = self.measure.partition(":")
        return cast(Measure, getattr(importlib.import_module(module), function))
