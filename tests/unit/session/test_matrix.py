"""Which combinations there are, and what they are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.session.matrix import Narrowing
from pytest_tinyquant.session.matrix import metrics_of
from pytest_tinyquant.session.matrix import narrow
from pytest_tinyquant.session.matrix import project_axes
from pytest_tinyquant.session.matrix import select
from pytest_tinyquant.session.matrix import summary


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    (tmp_path / "models").mkdir()
    for name in ("fc_1", "cnn_4", "cnn_10"):
        (tmp_path / "models" / f"{name}.keras").touch()

    def make(**values: Any) -> Settings:
        return Settings(
            root=tmp_path,
            models_dir=tmp_path / "models",
            baselines_dir=tmp_path / "baselines",
            **values,
        )

    return make


def names(combinations: tuple[Case, ...]) -> list[str]:
    return [combination.name for combination in combinations]


def chosen(settings: Settings) -> Any:
    project = load_project(settings, settings.root / "work")
    return select(project, settings), project


def test_order_is_model_then_scheme_then_board_whatever_order_was_typed(
    settings: Callable[..., Settings],
) -> None:
    combinations, _ = chosen(
        settings(models=("fc_1", "cnn_4"), schemes=("int8", "basic"), boards=("nucleo-l4r5zi",))
    )
    assert names(combinations) == [
        "cnn_4-basic-nucleo-l4r5zi",
        "cnn_4-int8-nucleo-l4r5zi",
        "fc_1-basic-nucleo-l4r5zi",
        "fc_1-int8-nucleo-l4r5zi",
    ]


def test_a_scheme_that_a_model_names_must_be_known(settings: Callable[..., Settings]) -> None:
    given = settings()
    (given.models_dir / "cnn_4.toml").write_text("schemes = ['int-8']")

    with pytest.raises(
        ConfigurationError,
        match=r"cnn_4.toml: the top level: schemes entry 'int-8' is not known .closest: 'int8'.; ",
    ):
        chosen(given)


def test_without_a_choice_everything_is_selected(settings: Callable[..., Settings]) -> None:
    combinations, project = chosen(settings())
    assert len(combinations) == 3 * 7 * 3
    assert summary(combinations, project) == (
        "tinyquant: 3 models x 7 schemes x 3 boards = 63 combinations; host: this computer; "
        "nucleo-l4r5zi: emulated (QEMU mps2-an386); rx65n: emulated (QEMU r5f562n8)"
    )


def test_a_models_own_schemes_limit_the_choice(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    (tmp_path / "models" / "cnn_4.toml").write_text('schemes = ["basic", "int8"]\n')
    wanted = settings(models=("cnn_4",), schemes=("int8", "16x8"), boards=("host",))
    combinations, _ = chosen(wanted)
    assert names(combinations) == ["cnn_4-int8-host"]


def test_a_model_given_by_its_path_joins_the_project(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere" / "kws.keras"
    path.parent.mkdir()
    path.touch()
    combinations, project = chosen(
        settings(models=(str(path),), schemes=("int8",), boards=("host",))
    )
    assert names(combinations) == ["kws-int8-host"]
    assert project.models["kws"].path == path


def test_a_path_whose_name_is_taken_is_refused(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    path = tmp_path / "elsewhere" / "fc_1.keras"
    path.parent.mkdir()
    path.touch()
    with pytest.raises(ConfigurationError, match="would both be called 'fc_1'"):
        chosen(settings(models=(str(path),)))
    inside = str(tmp_path / "models" / "fc_1.keras")
    combinations, _ = chosen(settings(models=(inside,), schemes=("int8",), boards=("host",)))
    assert names(combinations) == ["fc_1-int8-host"]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("test_latency", ("latency",)),
        ("test_cnn_flash", ("flash",)),
        ("test_error", ("error",)),
        ("test_ram", ("ram",)),
        ("test_program", ()),
        ("test_ram_grows", ()),
    ],
)
def test_the_last_word_of_a_tests_name_says_its_metric(test: str, expected: tuple[str]) -> None:
    assert metrics_of(test, []) == expected


def test_a_marker_outranks_the_name() -> None:
    marker = Narrowing.of((), {"metrics": ["ram", "flash"]}, where="x")
    assert metrics_of("test_latency", [marker]) == ("ram", "flash")
    assert metrics_of("test_latency", [Narrowing.of((), {"metrics": []}, where="x")]) == ()
    assert metrics_of("test_latency", [Narrowing.of((), {}, where="x")]) == ("latency",)


def test_every_marker_narrows_further(settings: Callable[..., Settings]) -> None:
    combinations, project = chosen(settings(boards=("host",)))
    markers = [
        Narrowing.of((), {"models": "cnn_*", "schemes": "int8,basic"}, where="x"),
        Narrowing.of((), {"schemes": ["int8", "16x8"]}, where="x"),
    ]
    narrowed = narrow(combinations, markers, project, where="x")
    assert names(narrowed) == ["cnn_4-int8-host", "cnn_10-int8-host"]


def test_axes_alone_have_each_value_once(settings: Callable[..., Settings]) -> None:
    combinations, _ = chosen(settings(models=("cnn_4", "fc_1"), boards=("host",)))
    ids = [name for _, _, name in project_axes(combinations, ["board", "model"])]
    assert ids == ["cnn_4-host", "fc_1-host"]


def test_the_command_lines_tolerance_wins_over_the_inis(settings: Callable[..., Settings]) -> None:
    given = settings(tolerance=("latency:2%",), ini_tolerance=("latency:1%", "ram:64"))
    tolerance = load_project(given, given.root).tolerance
    assert tolerance["latency"].relative == 0.02
    assert tolerance["ram"].absolute == 64


def test_project_boards_override_the_built_in_ones(
    settings: Callable[..., Settings], tmp_path: Path
) -> None:
    (tmp_path / "boards.toml").write_text("[host]\ndescription = 'mine'\n")
    project = load_project(settings(), tmp_path)
    assert project.boards["host"].description == "mine"
    assert load_boards([])["host"].description != "mine"
