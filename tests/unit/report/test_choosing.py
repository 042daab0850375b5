"""Which scheme to take: ratios, the best, what is dominated, and the sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.project.known_issues import KnownIssue
from pytest_tinyquant.report.choosing import Choice
from pytest_tinyquant.report.choosing import choices
from pytest_tinyquant.report.choosing_text import csv_rows
from pytest_tinyquant.report.choosing_text import rows
from pytest_tinyquant.report.choosing_text import titles
from pytest_tinyquant.report.markdown import choice_table


GAP = KnownIssue(
    ("*",), ("float16",), ("*",), ("*",), (UnsupportedModelError,), "no float16 kernel", "",
    Path("known_issues.toml"), 1,
)  # fmt: skip


@pytest.fixture
def scheme(change: Callable[..., Measurement]) -> Callable[..., Measurement]:
    """Return a function that gives a measurement by scheme, error, latency, flash and RAM."""

    def make(name: str, mae: float, latency: int, flash: int, ram: int) -> Measurement:
        return change(
            scheme=name, error_mae=mae, latency_invoke=latency, flash_total=flash, ram_total=ram
        )

    return make


@pytest.fixture
def choice(scheme: Callable[..., Measurement]) -> Choice:
    measured = [
        scheme("basic", 1e-8, 1000, 5000, 800),
        scheme("int8", 0.004, 700, 2200, 400),
        scheme("int8-only", 0.004, 600, 2000, 400),
        scheme("16x8-only", 0.001, 650, 2300, 500),
    ]
    (found,) = choices(measured, [GAP], {"nucleo-l4r5zi": "tinyquant"})
    return found


def test_schemes_stand_in_their_usual_order_with_known_gaps_in_place(choice: Choice) -> None:
    assert [option.scheme for option in choice.options] == [
        "basic", "float16", "int8", "int8-only", "16x8-only",
    ]  # fmt: skip
    assert choice.options[1].gap == "UnsupportedModelError: no float16 kernel"


@pytest.fixture
def with_figures(choice: Choice) -> Choice:
    """The choice with figures for its known gap that no scheme with numbers reaches."""
    better = {"mae": Metric(1e-9, "of range", "exact")}
    options = tuple(
        dataclasses.replace(option, elsewhere=better) if option.gap else option
        for option in choice.options
    )
    return dataclasses.replace(choice, options=options)


def test_figures_of_a_known_gap_stand_in_parentheses_and_win_nothing(
    choice: Choice, with_figures: Choice
) -> None:
    (gap,) = (row for row in rows(with_figures) if row.gap)
    assert gap.cells == ("(1e-09)",)
    assert "not run on the board" in with_figures.note
    assert with_figures.best("mae") == choice.best("mae") == {"basic"}
    assert with_figures.sentence() == choice.sentence()
    assert not any(with_figures.dominated(o) for o in with_figures.options if o.gap)
    lines = choice_table(with_figures)
    assert any(line.startswith("| float16 | (1e-09) | known gap: Unsupported") for line in lines)
    assert with_figures.note in lines
    table = list(csv_rows([with_figures]))
    (row,) = (dict(zip(table[0], row, strict=True)) for row in table[1:] if row[3] == "float16")
    assert (row["metric"], row["class"], row["best"]) == ("mae", "interpreter", "")
    assert row["known_gap"] == gap.gap


def test_only_known_gaps_are_asked_for_figures_from_elsewhere(
    scheme: Callable[..., Measurement],
) -> None:
    asked = []

    def figures(model: str, name: str) -> dict[str, Metric]:
        asked.append((model, name))
        return {}

    measured = [scheme(name, 0.1, 1, 1, 1) for name in ("basic", "int8")]
    (found,) = choices(measured, [GAP], {"nucleo-l4r5zi": "tinyquant"}, figures)
    assert asked == [("cnn_4", "float16")]
    assert found.note == ""
    assert [row.cells for row in rows(found) if row.gap] == [("-",)]


def test_what_costs_less_is_better_and_what_is_nowhere_better_is_dominated(choice: Choice) -> None:
    assert choice.best("latency") == {"int8-only"}
    assert choice.best("ram") == {"int8", "int8-only"}
    assert {o.scheme for o in choice.options if choice.dominated(o)} == {"int8"}


def test_a_number_is_told_relative_to_the_model_before_quantization(choice: Choice) -> None:
    by_name = {row.scheme: row for row in rows(choice)}
    assert titles(choice)[1:] == ["latency, instructions", "flash, bytes", "RAM, bytes"]
    assert by_name["int8-only"].cells == (
        "0.004", "600 (0.60x) *", "2,000 (0.40x) *", "400 (0.50x) *",
    )  # fmt: skip


def test_the_sentence_names_the_cheapest_that_loses_next_to_nothing(choice: Choice) -> None:
    assert choice.sentence() == (
        "int8-only: fastest, smallest and least RAM of those with an error below 1% of the "
        "output's range"
    )
    assert choice.sentence(slack=0.002).startswith("16x8-only: fastest, smallest and least RAM")
    assert choice.sentence(slack=0) == ""


def test_with_labels_accuracy_decides(choice: Choice) -> None:
    accuracy = {"basic": 0.95, "int8": 0.93, "int8-only": 0.93, "16x8-only": 0.945}
    labelled = dataclasses.replace(
        choice,
        options=tuple(
            dataclasses.replace(
                option,
                numbers={
                    **option.numbers,
                    "accuracy": Metric(accuracy[option.scheme], "1", "exact"),
                },
            )
            if option.numbers
            else option
            for option in choice.options
        ),
    )
    assert labelled.best("accuracy") == {"basic"}
    assert labelled.sentence() == (
        "16x8-only: fastest, smallest and least RAM within 1% of basic's accuracy"
    )


def test_numbers_of_two_classes_have_no_best_and_no_ratio(
    scheme: Callable[..., Measurement],
) -> None:
    slow = scheme("basic", 0, 1, 1, 1)
    parts = {**slow.metrics["latency"], "invoke": Metric(900, "cycles", "measured")}
    slow = dataclasses.replace(slow, metrics={**slow.metrics, "latency": parts})
    (found,) = choices([slow, scheme("int8", 0.1, 700, 1, 1)])
    assert found.best("latency") == frozenset()
    assert found.relative(found.options[-1], "latency") is None


def test_one_scheme_alone_is_no_choice(scheme: Callable[..., Measurement]) -> None:
    alone = scheme("int8", 0.0001, 1, 1, 1)
    assert choices([alone]) == ()
    (found,) = choices([alone], least=1)
    assert found.is_alone
    assert found.sentence() == ""
    assert not any(found.wins(found.options[0], column) for column in found.columns)
    (two,) = choices([alone, scheme("basic", 0, 2, 2, 2)], least=1)
    assert two.sentence()
    assert any(two.wins(option, "flash") for option in two.options)


def test_as_markdown_the_best_is_bold_and_a_gap_has_its_reason(choice: Choice) -> None:
    lines = choice_table(choice)
    assert "| int8-only | 0.004 | **600 (0.60x)** | **2,000 (0.40x)** | **400 (0.50x)** |" in lines
    assert any("known gap: UnsupportedModelError: no float16 kernel" in line for line in lines)


def test_as_csv_every_number_has_unit_and_class(choice: Choice) -> None:
    head, *body = csv_rows([choice])
    table: list[dict[str, Any]] = [dict(zip(head, row, strict=True)) for row in body]
    latency = [row for row in table if row["metric"] == "latency" and row["scheme"] == "int8-only"]
    (row,) = latency
    assert (row["value"], row["unit"], row["class"]) == ("600", "instructions", "exact")
    assert (row["relative_to_basic"], row["best"]) == ("0.6", "yes")
