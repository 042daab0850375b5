"""Reading the study's published figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.report.choosing import Choice
from pytest_tinyquant.report.markdown import markdown
from pytest_tinyquant.report.markdown import published_table
from pytest_tinyquant.report.published import read_all
from pytest_tinyquant.report.published import read_published
from pytest_tinyquant.report.published_beside import cells_beside
from pytest_tinyquant.report.published_beside import csv_beside
from pytest_tinyquant.report.published_beside import heads_beside
from pytest_tinyquant.report.published_beside import json_beside
from pytest_tinyquant.report.published_beside import rows_beside
from pytest_tinyquant.report.published_beside import title_beside
from pytest_tinyquant.report.results import Results


HEADER = "runtime,board,build,model,scheme,flash_kib,latency_ms_mean\n"


def test_figures_are_read_by_the_names_of_their_columns(tmp_path: Path) -> None:
    (tmp_path / "study.csv").write_text(HEADER + "tflm,rx65n,gcc,cnn_1,int8,120.5,3.25\n")
    (row,) = read_published(tmp_path)
    assert row.combination == "cnn_1-int8-rx65n"
    assert (row.figures, row.source) == ({"flash": 120.5, "latency": 3.25}, "study")


def test_a_figure_that_was_not_published_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "study.csv").write_text(HEADER + "tflm,rx65n,gcc,cnn_1,int8,,3.25\n")
    assert read_published(tmp_path)[0].figures == {"latency": 3.25}


@pytest.mark.parametrize("other", ["ekkono,rx65n,gcc", "tflm,nucleo-l4r5zi,Os"])
def test_other_tools_and_builds_are_not_the_main_figures(tmp_path: Path, other: str) -> None:
    (tmp_path / "study.csv").write_text(HEADER + f"{other},cnn_1,int8,120.5,3.25\n")
    assert read_published(tmp_path) == ()


def test_files_about_something_else_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "failures.csv").write_text("runtime,board,failure\ntflm,rx65n,halts\n")
    (tmp_path / "empty.csv").write_text("")
    assert read_published(tmp_path) == ()
    assert read_published(tmp_path / "absent") == ()


def test_a_damaged_file_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "study.csv").write_text(HEADER + "tflm,rx65n,gcc,cnn_1,int8,12O,3.25\n")
    with pytest.raises(BaselineError, match=r"study.csv: line 2: flash_kib is '12O'"):
        read_published(tmp_path)


def test_all_runtimes_of_a_study_stand_beside_a_table_of_schemes(tmp_path: Path) -> None:
    (tmp_path / "study.csv").write_text(
        HEADER
        + "tflm,rx65n,gcc,cnn_1,int8,120.5,3.25\n"
        + "edge-impulse,rx65n,gcc,cnn_1,int8-only,80,\n"
        + "edge-impulse,rx65n,gcc,cnn_2,int8-only,81,4\n"
        + "ekkono,nucleo-l4r5zi,O3,cnn_1,basic,82,5\n"
    )
    published = read_all(tmp_path)
    assert read_published(tmp_path) == published[:1]
    rows = rows_beside(Choice("cnn_1", "rx65n", "emulator", ()), published)
    assert title_beside(rows) == "published: study, not measured here"
    assert heads_beside(rows)[0] == "latency, ms on hardware"
    assert heads_beside(rows)[1] == "flash, KiB, text of the whole program"
    assert list(cells_beside(rows)) == [
        ("edge-impulse", "int8-only", "-", "80"),
        ("tflm", "int8", "3.25", "120.5"),
    ]
    classes = {(row[2], row[7]) for row in csv_beside(rows)}
    assert classes == {("published: edge-impulse", "published"), ("published: tflm", "published")}
    assert json_beside(rows)[0]["runtime"] == "edge-impulse"
    assert published_table(rows)[0] == "*published: study, not measured here*"
    assert published_table([]) == []


def test_the_summary_in_markdown_shows_them_below_the_schemes_of_that_model_and_board(
    tmp_path: Path,
) -> None:
    (tmp_path / "study.csv").write_text(
        HEADER
        + "edge-impulse,rx65n,gcc,cnn_1,int8-only,80.25,\n"
        + "ekkono,rx65n,gcc,cnn_2,basic,81.75,4\n"
    )
    choice = Choice("cnn_1", "rx65n", "emulator", ())
    text = markdown(Results(), None, [choice], read_all(tmp_path))
    table, below = text.split("*published: study, not measured here*")
    assert "### cnn" in table
    assert "| edge-impulse | int8-only | 80.25 |" in below
    assert "ekkono" not in text
    assert "published" not in markdown(Results(), None, [choice])
