"""The claims of the EdgeMark study, and what becomes of each over the figures it published.

A claim that is known to be false or partly true is written down as such, with its numbers. What
becomes of the claims over a project's own baselines stands in ``claims.json`` beside this file.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from experiments.edgemark import builds
from experiments.edgemark import schemes
from experiments.edgemark.finding import Figures
from experiments.edgemark.finding import Finding


STM: Final = "nucleo-l4r5zi"
RX: Final = "rx65n"
HOST: Final = "host"
FIRMWARE: Final = (STM, RX)
ALL: Final = (HOST, *FIRMWARE)

NO_SUCH_BUILD: Final = "this project builds each board with one set of flags"
NO_SUCH_SCHEME: Final = "this project neither prunes nor clusters"


@dataclass(frozen=True)
class Claim:
    """A claim of the study.

    :param name: as test ids spell it.
    :param relation: what holds it against the figures of one board.
    :param published: the finding over the study's figures, by board.
    :param own: boards on whose baselines it can be tried.
    :param not_own: why that is none.
    """

    name: str
    relation: Callable[[Figures], Finding]
    published: Mapping[str, str]
    own: tuple[str, ...]
    not_own: str = ""

    @property
    def text(self) -> str:
        """Return the claim in words."""
        first = (self.relation.__doc__ or "").partition("\n\n")[0]
        return " ".join(first.split()).removeprefix("Say that ").rstrip(".")


def _published_only(
    rows: Iterable[tuple[str, Callable[[Figures], Finding], str]], why: str
) -> Iterator[Claim]:
    """Yield the claims that only the study's figures of the NUCLEO can be held against."""
    for name, relation, finding in rows:
        yield Claim(name, relation, {STM: finding}, (), not_own=why)


_OF_OTHER_SCHEMES: Final = (
    ("C17-pruning-saves-no-memory", builds.saves_no_memory("prune-50"), "holds 18/18"),
    ("C18-pruning-saves-no-time", builds.saves_no_time("prune-50"), "holds 18/18"),
    ("C19-pruning-costs-accuracy", builds.costs_accuracy("prune-50"), "partly 17/18"),
    ("C20-clustering-saves-no-memory", builds.saves_no_memory("cluster-16"), "holds 15/15"),
    ("C21-clustering-saves-no-time", builds.saves_no_time("cluster-16"), "holds 15/15"),
    ("C22-clustering-costs-accuracy", builds.costs_accuracy("cluster-16"), "holds 15/15"),
)
_OF_OTHER_BUILDS: Final = (
    ("C23-levels-keep-results", builds.level_keeps_results, "holds 72/72"),
    ("C24-os-is-slower", builds.os_is_slower, "holds 72/72"),
    ("C25-os-takes-less-flash", builds.os_takes_less_flash, "holds 36/36"),
    ("C26-levels-keep-ram", builds.level_keeps_ram, "partly 71/72"),
    ("C27-fpu-is-for-basic-only", builds.fpu_is_for_basic_only, "holds 36/36"),
    ("C28-int8-only-needs-no-fpu", builds.int8_only_needs_no_fpu, "partly 14/18"),
)

CLAIMS: Final = (
    Claim(
        "C01-float16-is-not-supported",
        schemes.float16_is_refused,
        {STM: "holds 18/18", RX: "holds 18/18"},
        ALL,
    ),
    Claim(
        "C02-dynamic-mostly-fails",
        schemes.dynamic_fails,
        {STM: "partly 12/18", RX: "partly 14/18"},
        ALL,
    ),
    Claim("C03-rx-stops-on-fc_1-and-fc_2", schemes.stops_on_small_models, {RX: "holds 6/6"}, (RX,)),
    Claim(
        "C04-other-errors-are-acceptable",
        schemes.errors_are_acceptable,
        {STM: "holds 90/90", RX: "holds 83/83"},
        ALL,
    ),
    Claim(
        "C05-basic-is-exact", schemes.basic_is_exact, {STM: "holds 18/18", RX: "holds 15/15"}, ALL
    ),
    Claim(
        "C06-16x8-error-below-int8",
        schemes.error_16x8_below_int8,
        {STM: "partly 34/36", RX: "partly 32/34"},
        ALL,
    ),
    Claim(
        "C07-fc-only-variant-is-faster",
        schemes.only_is_faster_for_fc,
        {STM: "holds 22/22", RX: "holds 18/18"},
        FIRMWARE,
    ),
    Claim(
        "C08-fc-fastest-scheme",
        schemes.fastest_for_fc,
        {STM: "holds 11/11", RX: "partly 2/8"},
        FIRMWARE,
    ),
    Claim(
        "C09-cnn-basic-is-slow",
        schemes.basic_is_slowest_for_cnn,
        {STM: "holds 7/7", RX: "fails 0/7"},
        FIRMWARE,
    ),
    Claim(
        "C10-cnn-int8-as-fast-as-16x8",
        schemes.cnn_int8_like_16x8,
        {STM: "partly 6/7", RX: "holds 7/7"},
        FIRMWARE,
    ),
    Claim(
        "C11-flash-per-parameter",
        schemes.flash_slopes,
        {STM: "holds 10/10", RX: "holds 9/9"},
        FIRMWARE,
    ),
    Claim(
        "C12-flash-starts-alike",
        schemes.schemes_start_alike,
        {STM: "holds 1/1", RX: "holds 1/1"},
        FIRMWARE,
    ),
    Claim(
        "C13-only-variant-takes-less-flash",
        schemes.only_takes_less_flash,
        {STM: "holds 36/36", RX: "holds 32/32"},
        FIRMWARE,
    ),
    Claim(
        "C14-integer-schemes-take-alike",
        schemes.integer_schemes_take_alike,
        {STM: "holds 18/18", RX: "holds 16/16"},
        FIRMWARE,
    ),
    Claim(
        "C15-int8-only-has-least-ram",
        schemes.int8_only_has_least_ram,
        {STM: "holds 72/72", RX: "holds 63/63"},
        FIRMWARE,
    ),
    Claim(
        "C16-int8-only-is-a-good-choice",
        schemes.int8_only_is_a_good_choice,
        {STM: "holds 18/18", RX: "holds 16/16"},
        FIRMWARE,
    ),
    *_published_only(_OF_OTHER_SCHEMES, NO_SUCH_SCHEME),
    *_published_only(_OF_OTHER_BUILDS, NO_SUCH_BUILD),
    Claim(
        "C29-same-results-as-the-nucleo",
        builds.same_results_as(STM),
        {RX: "holds 68/68"},
        (HOST, RX),
    ),
)
