"""Where a setting comes from: the command line, then the environment, then ini files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.session.options import read_settings
from pytest_tinyquant.session.table import SETTINGS


@pytest.fixture
def settings(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Return a function that reads the settings of a run with these arguments."""
    monkeypatch.delenv("TINYQUANT_EXTRA_MODELS", raising=False)
    monkeypatch.delenv("TINYQUANT_CACHE", raising=False)

    def read(*arguments: str, ini: str = "") -> Settings:
        pytester.makeini(f"[pytest]\n{ini}")
        return read_settings(pytester.parseconfig(*arguments))

    return read


def test_every_field_has_its_row_in_the_table() -> None:
    fields = set(Settings._fields)
    assert {s.name for s in SETTINGS} == fields - {
        "root", "board_files", "scheme_files", "explicit"
    }  # fmt: skip


def test_a_setting_can_be_set_somewhere() -> None:
    assert [s.name for s in SETTINGS if not (s.option or s.ini or s.variable)] == []


def test_without_anything_said_the_defaults_count(
    settings: Callable[..., Settings], pytester: pytest.Pytester
) -> None:
    root = pytester.path
    assert settings() == Settings(root, root / "models", root / "baselines")


def test_an_option_wins_over_an_ini_key(settings: Callable[..., Settings]) -> None:
    ini = "tinyquant_boards = host rx65n\ntinyquant_canary = cnn-int8"
    assert settings(ini=ini).boards == ("host", "rx65n")
    said = settings("--board=host", "--tq-canary=fc-int8", ini=ini)
    assert (said.boards, said.canary) == (("host",), "fc-int8")


def test_an_option_wins_over_a_variable(
    settings: Callable[..., Settings], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYQUANT_CACHE", "there")
    assert settings().cache_dir == pytester.path / "there"
    assert settings("--tq-cache-dir=here").cache_dir == pytester.path / "here"


def test_directories_of_ini_files_are_below_the_root(
    settings: Callable[..., Settings], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = pytester.mkdir("below")
    pytester.makeini("[pytest]")
    monkeypatch.chdir(below)
    ini = "tinyquant_models_dir = nets\ntinyquant_baselines = numbers"
    said = settings("--tq-json=r.json", f"--rootdir={pytester.path}", ini=ini)
    assert said.models_dir == pytester.path / "nets"
    assert said.baselines_dir == pytester.path / "numbers"
    assert said.json_path is not None and said.json_path.name == "r.json"


def test_directories_of_a_variable_are_separated_as_in_path(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TINYQUANT_EXTRA_MODELS", f"{tmp_path / 'a'}::{tmp_path / 'b'}")
    assert settings().extra_models == (tmp_path / "a", tmp_path / "b")


def test_limits_of_growth_add_up_the_command_lines_last(settings: Callable[..., Settings]) -> None:
    ini = "tinyquant_creep_limit =\n    latency:1%\n    flash:64"
    said = settings("--tq-creep-limit=latency:2%", ini=ini)
    assert said.creep_limit == ("latency:1%", "flash:64", "latency:2%")


def test_an_option_may_stand_for_its_usual_value(settings: Callable[..., Settings]) -> None:
    said = settings("--tq-update-baselines", "--tq-history")
    assert said.update == "new"
    assert isinstance(said.history, Path)
    assert said.history.name == "tinyquant-history.sqlite"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--tq-timeout=0", "--tq-timeout: must be above 0, not 0"),
        ("--tq-timeout=nan", "--tq-timeout: must be 1,000,000 at most, not nan"),
        ("--tq-progress=-1", "--tq-progress: must be 0 or above, not -1"),
        ("--tq-lease-timeout=inf", "--tq-lease-timeout: must be 1,000,000 at most, not inf"),
    ],
)
def test_a_time_that_no_clock_takes_is_refused(
    settings: Callable[..., Settings], option: str, message: str
) -> None:
    with pytest.raises(pytest.UsageError, match=message):
        settings(option)


def test_zero_is_a_time_where_it_means_never(settings: Callable[..., Settings]) -> None:
    assert settings("--tq-progress=0").progress_interval == 0
    assert settings("--tq-lease-timeout=0").lease_timeout == 0


@pytest.mark.parametrize(
    ("argument", "ini", "explicit"),
    [
        ("-v", "", False),
        ("--tq-timeout=5", "", False),
        ("--board=host", "", True),
        ("--tq-estimate-cycles", "", True),
        ("-v", "tinyquant_set_aside_after = 3", True),
    ],
)
def test_who_names_the_plugin_wants_to_hear_of_errors(
    settings: Callable[..., Settings], argument: str, ini: str, explicit: bool
) -> None:
    assert settings(argument, ini=ini).explicit is explicit


def test_paths_are_absolute(settings: Callable[..., Settings]) -> None:
    said = settings("--tq-html=a.html", "--tq-markdown=b.md", "--tq-json=c.json")
    paths = (said.html_path, said.markdown_path, said.json_path)
    assert all(isinstance(path, Path) and path.is_absolute() for path in paths)
