"""The HTML report, read by a parser as a browser would."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest

from pytest_tinyquant.baselines.cause import Cause
from pytest_tinyquant.baselines.verdict import Comparison
from pytest_tinyquant.baselines.verdict import Status
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.measure.model_structure import Placement
from pytest_tinyquant.measure.model_structure import Structure
from pytest_tinyquant.metrics.limits import LimitCheck
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.report.choosing import choices
from pytest_tinyquant.report.html.figures import Figure
from pytest_tinyquant.report.html.figures import figures
from pytest_tinyquant.report.html.page import FIRST_ROWS
from pytest_tinyquant.report.html.page import render
from pytest_tinyquant.report.published import Published
from pytest_tinyquant.report.results import Result
from pytest_tinyquant.report.results import Results


VOID = {"meta", "link", "input", "br"}
LOADING = ("src", "href", "srcset", "data", "action", "poster", "xlink:href")


class Page(HTMLParser):
    """Every element of a page; closing tags that do not match are an error."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self.open[-1:] == ["script"] else self.text).append(data)

    def all(self, tag: str, **attributes: str) -> Any:
        return [
            found
            for name, found in self.elements
            if name == tag and attributes.items() <= found.items()
        ]


@pytest.fixture
def measured(recorded: Measurement) -> Measurement:
    """A measurement with its structure, and that of a model whose name needs escaping."""
    structure = Structure(
        12_114, (7, 0, 8, 9, 1), (Placement("input", 0, 8, -1, 0), Placement("x", 8, 4, 0, 4)), 12
    )
    measurement = dataclasses.replace(recorded, structure=structure, log="ready </script><b>")
    return measurement


@pytest.fixture
def published() -> Published:
    figures = {"parameters": 12_114, "macs": 744_574, "error": 0.001, "latency": 40.2}
    return Published("nucleo-l4r5zi", "cnn_4", "int8-only", figures, "study-2024")


def result(
    measurement: Measurement,
    metric: str = "latency",
    outcome: Status = "regressed",
    error: dict[str, str] | None = None,
) -> Result:
    part = next(iter(measurement.gating(metric)))
    before, now = (Metric(count, "instructions", "exact") for count in (4_000_000, 4_867_112))
    layer = Cause("layer", "conv2d[3] 16x16x32", 0, 370_884, about="<tq_conv_2d_s8>")
    verdict = Verdict(
        combination=measurement.combination,
        metric=metric,
        status=outcome,
        comparisons=(Comparison(part, before, now, outcome, "0"),),
        path="baselines/x.json",
        causes=(layer,),
    )
    return Result(
        nodeid=f"test_matrix.py::test_{metric}[{measurement.combination}]",
        combination=measurement.combination,
        model=measurement.model,
        scheme=measurement.scheme,
        board=measurement.board,
        outcome=outcome if error is None else "failed",
        verdicts=() if error else (verdict,),
        gap="",
        error=error,
    )


@pytest.fixture
def text(measured: Measurement, published: Published) -> str:
    results = Results([result(measured), result(measured, "flash", "ok")])
    return render(results, [measured], [published], {"cnn_4": "cnn"}, summary="tinyquant: 1 model")


def test_it_is_one_well_formed_file_that_loads_nothing(text: str) -> None:
    page = Page(text)
    references = [
        (tag, attributes[name])
        for tag, attributes in page.elements
        for name in LOADING
        if attributes.get(name) and tag != "form"
    ]
    assert references
    assert {tag for tag, _ in references} <= {"a", "link"}
    assert all(value and value.startswith(("#", "data:")) for _, value in references), references
    assert not re.findall(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
    assert (
        "default-src 'none'"
        in page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    )


def test_ids_are_unique_and_links_lead_somewhere(text: str) -> None:
    page = Page(text)
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)
    assert set(ids.values()) == {1}
    pages = {found.get("data-combination") for found in page.all("script")}
    for link in page.all("a"):
        target = link["href"].removeprefix("#")
        assert target in ids or target.removeprefix("combination=") in pages


def test_every_control_and_drawing_has_a_name(text: str) -> None:
    page = Page(text)
    drawings = [*page.all("svg", role="img"), *page.all("svg", role="group")]
    assert all(drawing.get("aria-label") for drawing in drawings)
    assert all("aria-hidden" in drawing or "role" in drawing for drawing in page.all("svg"))
    labels = len(page.all("label"))
    assert labels == len(page.all("input")) + len(page.all("select"))


def test_what_a_run_says_is_text_and_never_markup(text: str) -> None:
    page = Page(text)
    assert any("<tq_conv_2d_s8>" in piece for piece in page.text)
    data = json.loads(next(script for script in page.scripts if script.startswith("{")))
    assert data["measurement"]["log"] == "ready </script><b>"


def test_a_page_has_layers_symbols_arena_log_and_what_was_published(text: str) -> None:
    page = Page(text)
    data = json.loads(next(script for script in page.scripts if script.startswith("{")))
    measurement = data["measurement"]
    assert [op[0] for op in measurement["ops"]][:2] == ["conv2d[0]", "max_pool_2d[1]"]
    assert measurement["symbols"]["tq_conv_2d_s8"] == 1_204
    assert measurement["variables"]["tq_guard_low"] == 16
    assert measurement["structure"]["arena"] == [["input", 0, 8, -1, 0], ["x", 8, 4, 0, 4]]
    assert ("latency", 40.2, "ms on hardware", "study-2024") in [
        tuple(figure.values()) for figure in data["published"]
    ]


def test_a_row_says_what_changed_and_why(text: str) -> None:
    page = Page(text)
    (row,) = page.all("tr", **{"data-outcome": "regressed"})
    assert row["data-metric"] == "latency"
    words = "".join(page.text)
    assert "4,867,112 instructions" in words
    assert "+21.68 %" in words
    assert "conv2d[3] 16x16x32  +370,884" in words


def test_a_browser_without_scripts_shows_rows_that_the_script_would_fold_away(
    measured: Measurement,
) -> None:
    results = Results([result(measured, outcome="ok") for _ in range(FIRST_ROWS + 1)])
    text = render(results, [], [], {})
    rows = Page(text).all("tr", **{"data-metric": "latency"})
    assert ["hidden" in row for row in rows] == [False] * FIRST_ROWS + [True]
    assert re.search(r"<noscript><style>[^<]*tr\[hidden\]", text)


def test_an_error_stands_where_a_number_would(measured: Measurement) -> None:
    error = {"class": "DoesNotFitError", "message": "RAM: 12 bytes too many"}
    text = render(Results([result(measured, error=error)]), [], [], {})
    assert "DoesNotFitError: RAM: 12 bytes too many" in "".join(Page(text).text)


def test_an_empty_run_has_a_page_too() -> None:
    assert "0 tests" in "".join(Page(render(Results(), [], [], {})).text)


def axes(found: tuple[Figure, ...], name: str) -> list[tuple[str, ...]]:
    (figure,) = [figure for figure in found if figure.name == name]
    return [(panel.source, panel.axis, panel.title) for group in figure.groups for panel in group]


def test_published_values_have_their_own_axis_and_name(
    measured: Measurement, published: Published
) -> None:
    found = figures([measured], [published], {"cnn_4": "cnn"})
    assert axes(found, "latency") == [
        ("run", "instructions, exact", "nucleo-l4r5zi (emulator), cnn"),
        ("published", "ms on hardware", "nucleo-l4r5zi, cnn"),
    ]
    assert [figure.name for figure in found] == [
        "parameters", "macs", "error", "latency", "flash", "ram",
    ]  # fmt: skip


def test_figures_of_the_study_stand_only_beside_what_it_published(
    measured: Measurement, published: Published
) -> None:
    run = Results([result(measured)])
    assert Page(render(run, [measured], [published], {})).all(
        "section", **{"aria-labelledby": "figures"}
    )
    assert not Page(render(run, [measured], [], {})).all(
        "section", **{"aria-labelledby": "figures"}
    )


def test_what_changed_stands_open_above_everything_else(measured: Measurement) -> None:
    text = render(Results([result(measured)]), [measured], [], {})
    sections = [a["aria-labelledby"] for _, a in Page(text).elements if "aria-labelledby" in a]
    assert sections[0] == "attention"
    assert "REGRESSED" in text.split('id="attention"')[1].split("</article>")[0]


def test_new_numbers_leave_the_top_to_the_schemes(
    measured: Measurement, change: Callable[..., Measurement]
) -> None:
    """The report of a first run, which is read to choose one."""
    first = [result(measured, metric, "new") for metric in ("flash", "ram")]
    found = choices([measured, change(scheme="basic", error_mae=1e-9)])
    text = render(Results(first), [measured], [], {}, found=found)
    sections = [a["aria-labelledby"] for _, a in Page(text).elements if "aria-labelledby" in a]
    assert sections[0] == "choosing"
    assert "2 new" in text
    both = [*first, result(measured, "latency", "regressed")]
    text = render(Results(both), [measured], [], {}, found=found)
    opened = text.split('id="attention"')[1].split("</section>")[0]
    assert opened.count("<article") == 1 and "latency" in opened


def test_schemes_of_a_model_stand_beside_each_other_with_a_chart_per_cost(
    measured: Measurement, change: Callable[..., Measurement]
) -> None:
    basic = change(scheme="basic", latency_invoke=9_000_000, error_mae=1e-9)
    both = [measured, basic]
    page = Page(render(Results([result(measured)]), both, [], {}, found=choices(both)))
    labels = [a.get("aria-label", "") for a in page.all("svg", role="img")]
    assert [label for label in labels if "over" in label] == [
        f"cnn_4 on nucleo-l4r5zi: error, of range over {title}, {unit}"
        for title, unit in (("Latency", "instructions"), ("Flash", "bytes"), ("RAM", "bytes"))
    ]
    assert any("int8-only: fastest" in text for text in page.text)


def test_a_limit_is_drawn_in_the_chart_of_its_cost(
    measured: Measurement, change: Callable[..., Measurement]
) -> None:
    basic = change(scheme="basic", latency_invoke=9_000_000, error_mae=1e-9)
    number = measured.metrics["flash"]["total"]
    check = LimitCheck("total", number, "64 KiB", "net.toml", True, 100)
    judged = result(measured, "flash", "ok")
    verdict = dataclasses.replace(judged.verdicts[0], limits=(check,))
    judged = dataclasses.replace(judged, verdicts=(verdict,))
    both = [measured, basic]
    text = render(Results([judged]), both, [], {}, found=choices(both))
    assert text.count("<title>limit</title>") == 1
    assert "<title>limit</title>" in text[text.index("over Flash") : text.index("over RAM")]


def test_the_host_is_named_once(measured: Measurement) -> None:
    found = figures([dataclasses.replace(measured, board="host", target="host")], [], {})
    assert [title for _, _, title in axes(found, "ram")] == ["host, cnn"]


def test_classes_never_share_an_axis(
    measured: Measurement, change: Callable[..., Measurement]
) -> None:
    silicon = dataclasses.replace(
        change(model="cnn_5", latency_invoke=Metric(900, "cycles", "measured")), structure=None
    )
    found = figures([measured, silicon], [], {})
    assert [axis for _, axis, _ in axes(found, "latency")] == [
        "cycles, measured",
        "instructions, exact",
    ]


def test_published_values_without_a_measurement_beside_them_are_left_out(
    measured: Measurement, published: Published
) -> None:
    elsewhere = dataclasses.replace(published, board="rx65n")
    found = figures([measured], [elsewhere], {})
    assert {source for figure in found for source, _, _ in axes(found, figure.name)} == {"run"}


def test_models_lie_in_the_order_of_their_numbers(
    measured: Measurement, change: Callable[..., Measurement]
) -> None:
    others = [change(model=name) for name in ("cnn_10", "cnn_2")]
    (flash,) = [figure for figure in figures([measured, *others], [], {}) if figure.name == "flash"]
    places = [label for _, label in flash.groups[0][0].chart.places]
    assert places == ["cnn_2", "cnn_4", "cnn_10"]
