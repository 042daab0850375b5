"""A tolerance is two slacks together, chosen by metric, class and build, and set by the user."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.metrics.tolerance import Tolerance
from pytest_tinyquant.metrics.tolerances import Tolerances
from pytest_tinyquant.metrics.tolerances import parse_ini
from pytest_tinyquant.metrics.tolerances import parse_mapping


SLACKS = st.floats(0, 1e6)
TOLERANCES = st.builds(Tolerance, SLACKS, SLACKS)


def found(
    tolerances: Tolerances,
    metric: str,
    number_class: str = "exact",
    *,
    same_image: bool = True,
    same_build: bool = True,
) -> Tolerance:
    return tolerances.find(metric, number_class, same_image=same_image, same_build=same_build)


def test_a_regression_exceeds_both_slacks() -> None:
    tolerance = Tolerance(relative=0.01, absolute=50)
    assert tolerance.slack(1_000) == 50
    assert tolerance.slack(100_000) == 1_000


@given(TOLERANCES, TOLERANCES, st.floats(-1e6, 1e6))
def test_the_wider_of_two_never_has_less_slack(
    one: Tolerance, other: Tolerance, baseline: float
) -> None:
    widest = one.widest(other)
    assert widest.slack(baseline) >= max(one.slack(baseline), other.slack(baseline))


@given(TOLERANCES, st.floats(0, 1e6), st.floats(0, 1e6))
def test_slack_never_shrinks_as_the_baseline_grows(
    tolerance: Tolerance, baseline: float, more: float
) -> None:
    assert tolerance.slack(baseline + more) >= tolerance.slack(baseline)


@given(SLACKS, SLACKS, SLACKS, SLACKS, st.floats(-1e6, 1e6))
def test_widening_either_slack_never_narrows(
    relative: float, absolute: float, more_r: float, more_a: float, baseline: float
) -> None:
    narrow = Tolerance(relative, absolute)
    assert Tolerance(relative + more_r, absolute + more_a).slack(baseline) >= (
        narrow.slack(baseline)
    )


@pytest.mark.parametrize("metric", ["latency", "flash", "ram"])
def test_exact_counts_have_no_slack(metric: str) -> None:
    assert found(Tolerances.of(), metric) == Tolerance()


def test_error_has_an_absolute_slack_above_float_noise() -> None:
    assert found(Tolerances.of(), "error") == Tolerance(absolute=1e-6)


def test_measured_cycles_have_less_slack_on_the_same_image() -> None:
    same = found(Tolerances.of(), "latency", "measured")
    rebuilt = found(Tolerances.of(), "latency", "measured", same_image=False)
    assert (same.relative, rebuilt) == (0.001, METRICS["latency"].rebuilt)


@pytest.mark.parametrize("metric", METRICS)
def test_another_build_widens(metric: str) -> None:
    assert found(Tolerances.of(), metric, same_build=False).slack(1e6) >= (
        METRICS[metric].other_build.slack(1e6)
    )


def test_another_build_never_narrows_what_the_user_set() -> None:
    tolerances = Tolerances.of({"latency": "50%"})
    assert found(tolerances, "latency", same_build=False).relative == 0.5


def test_the_user_may_narrow_the_tolerance_of_another_build() -> None:
    tolerances = Tolerances.of({"other_toolchain": {"latency": "1%"}})
    assert found(tolerances, "latency", same_build=False) == Tolerance(0.01)
    assert found(tolerances, "latency") == Tolerance()


def test_later_layers_win_metric_by_metric() -> None:
    project = parse_ini(["latency:5%", "flash:128B"])
    tolerances = Tolerances.of(project, {"latency": "1%"})
    assert found(tolerances, "latency") == Tolerance(0.01)
    assert found(tolerances, "flash") == Tolerance(0, 128)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("latency:5%", Tolerance(0.05)),
        ("latency: 2.5 %", Tolerance(0.025)),
        ("latency:100 instructions", Tolerance(0, 100)),
        ("flash:128B", Tolerance(0, 128)),
        ("flash:2KiB", Tolerance(0, 2048)),
        ("ram:1%+64B", Tolerance(0.01, 64)),
        ("error:1e-4", Tolerance(0, 1e-4)),
        ("error:1e+1", Tolerance(0, 10)),
        ("latency:0", Tolerance()),
    ],
)
def test_grammar(line: str, expected: Tolerance) -> None:
    assert list(parse_ini([line]).values()) == [expected]


def test_blank_lines_are_nothing() -> None:
    assert parse_ini(["", "  "]) == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("latency", "is not a tolerance"),
        ("latency:", "is not a tolerance"),
        ("speed:5%", "unknown metric 'speed'; known: error, latency, flash, ram"),
        ("latency:5s", r"units here: %, instructions, cycles"),
        ("flash:-1B", "is not a tolerance"),
        ("flash:nan", "is not a tolerance"),
        ("flash:1e999", "one finite slack"),
        ("flash:1%+2%", "one finite slack of each kind"),
        ("error:4B", "is not a tolerance"),
    ],
)
def test_malformed_lines_are_named(line: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_ini([line])


def test_a_metric_given_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'flash' is given twice"):
        parse_ini(["flash:1B", "flash:2B"])


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), True, None, [1]])
def test_values_that_are_no_slack_are_refused(value: float | list[int] | None) -> None:
    with pytest.raises(ConfigurationError, match=r"^flash: "):
        parse_mapping({"flash": value})


def test_a_bare_fraction_of_a_count_is_taken_for_a_forgotten_percent_sign() -> None:
    with pytest.raises(ConfigurationError, match="for a share write '5%'"):
        parse_mapping({"latency": 0.05})


def test_bare_numbers_are_absolute() -> None:
    assert parse_mapping({"error": 0.05, "flash": 16}) == {
        "error": Tolerance(0, 0.05),
        "flash": Tolerance(0, 16),
    }


def test_text_names_each_slack_with_its_unit() -> None:
    assert Tolerance().text("bytes") == "0"
    assert Tolerance(0.05).text("bytes") == "5 %"
    assert Tolerance(0.001, 64).text("cycles") == "0.1 % or 64 cycles"
    assert Tolerance(0, 2048).text("bytes") == "2,048 bytes"
    assert Tolerance(0, 1e-6).text("of range") == "1e-06 of range"
