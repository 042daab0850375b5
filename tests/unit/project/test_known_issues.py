"""Rows of known_issues.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_tinyquant import errors
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.known_issues import KnownIssue
from pytest_tinyquant.project.known_issues import find
from pytest_tinyquant.project.known_issues import load_known_issues
from pytest_tinyquant.support.runtimes import RUNTIMES


KNOWN = {
    "models": ("fc_1", "cnn_1", "cnn_4"),
    "schemes": ("basic", "dynamic", "int8"),
    "boards": ("host", "nucleo-l4r5zi"),
    "runtimes": tuple(RUNTIMES),
}


HALTING_SCHEMES = ("basic", "int8-only", "16x8-only")


def load(tmp_path: Path, text: str) -> tuple[KnownIssue, ...]:
    file = tmp_path / "known_issues.toml"
    file.write_text(text)
    return load_known_issues(file, KNOWN)


def where(
    model: str = "cnn_4", scheme: str = "dynamic", board: str = "host", runtime: str = "tflm"
) -> dict[str, str]:
    return {"model": model, "scheme": scheme, "board": board, "runtime": runtime}


def test_no_file_has_no_rows(tmp_path: Path) -> None:
    assert load_known_issues(tmp_path / "known_issues.toml", KNOWN) == ()


def test_a_row_covers_what_matches_in_all_its_columns(tmp_path: Path) -> None:
    (issue,) = load(
        tmp_path,
        """
        [[issue]]
        models = ["cnn_*"]
        schemes = ["dynamic", "basic"]
        runtimes = ["tflm"]
        raises = "UnsupportedModelError"
        reason = "because"
        """,
    )
    assert issue.raises == (errors.UnsupportedModelError,)
    assert issue.covers(**where())
    assert issue.covers(**where(board="nucleo-l4r5zi"))
    assert not issue.covers(**where(model="fc_1"))
    assert not issue.covers(**where(scheme="int8"))
    assert not issue.covers(**where(runtime="tinyquant"))


def test_the_first_row_that_covers_a_combination_counts(tmp_path: Path) -> None:
    issues = load(
        tmp_path,
        """
        [[issue]]
        models = ["cnn_4"]
        raises = "ModelError"
        reason = "first"
        [[issue]]
        raises = "ConversionError"
        reason = "second"
        """,
    )
    first, second = find(issues, **where()), find(issues, **where(model="fc_1"))
    assert first is not None
    assert second is not None
    assert (first.reason, first.where) == ("first", "row 1 of known_issues.toml")
    assert (second.reason, second.where) == ("second", "row 2 of known_issues.toml")


@pytest.mark.parametrize("name", ["TinyQuantError", "BenchError", "ToolchainNotFoundError", "str"])
def test_no_row_may_expect_trouble_with_the_bench_or_anything_at_all(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"raises '{name}'"):
        load(tmp_path, f"[[issue]]\nraises = '{name}'\nreason = ''\n")


@pytest.mark.parametrize("column", list(KNOWN))
def test_a_pattern_that_matches_nothing_is_an_error(tmp_path: Path, column: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{column} pattern 'zzz' is not known"):
        load(tmp_path, f"[[issue]]\n{column} = ['zzz']\nraises = 'ModelError'\nreason = ''\n")


def test_an_empty_column_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'models' is empty"):
        load(tmp_path, "[[issue]]\nmodels = []\nraises = 'ModelError'\nreason = ''\n")


def test_the_rows_of_this_repository_fit_its_models() -> None:
    from pytest_tinyquant.schemes.scheme import SCHEMES

    repository = Path(__file__).parents[3]
    names = tuple(file.stem for file in (repository / "models").glob("*_*.toml"))
    boards = ("host", "nucleo-l4r5zi", "rx65n")
    known = {**KNOWN, "models": names, "schemes": tuple(SCHEMES), "boards": boards}
    issues = load_known_issues(repository / "models" / "known_issues.toml", known)
    for name in set(names) - {"known_issues"}:
        for scheme in SCHEMES:
            issue = find(issues, **where(name, scheme))
            assert (issue is not None) == (scheme in ("float16", "dynamic"))


def test_a_row_about_extra_models_may_name_absent_ones(tmp_path: Path) -> None:
    row = "[[issue]]\nmodels = ['mlperf/*']\nraises = 'ModelError'\nreason = ''\n"
    (issue,) = load(tmp_path, f"{row}extra = true\n")
    assert issue.covers(**where(model="mlperf/ad01"))
    assert not issue.covers(**where())
    with pytest.raises(ConfigurationError, match=r"models pattern 'mlperf/\*' is not known"):
        load(tmp_path, row)
    with pytest.raises(ConfigurationError, match=r"models pattern 'mlperf/\*' is not known"):
        load(tmp_path, f"{row}extra = false\n")


def test_a_row_about_extra_models_must_name_them_and_known_schemes(tmp_path: Path) -> None:
    row = "[[issue]]\nextra = true\nraises = 'ModelError'\nreason = ''\n"
    with pytest.raises(ConfigurationError, match="needs a key 'models'"):
        load(tmp_path, row)
    with pytest.raises(ConfigurationError, match="schemes pattern 'int9' is not known"):
        load(tmp_path, f"{row}models = ['mlperf/*']\nschemes = ['int9']\n")


@pytest.mark.parametrize(
    ("model", "scheme", "halts"),
    [
        *((model, scheme, True) for model in ("fc_1", "fc_2") for scheme in HALTING_SCHEMES),
        ("fc_9", "basic", True),
        ("fc_9", "int8-only", False),
        ("fc_1", "int8", False),
        ("fc_3", "basic", False),
    ],
)
def test_the_studys_halts_concern_its_runtime_only(model: str, scheme: str, halts: bool) -> None:
    from pytest_tinyquant.schemes.scheme import SCHEMES

    repository = Path(__file__).parents[3]
    models = repository / "models"
    known = {
        **KNOWN,
        "models": tuple(file.stem for file in models.glob("*_*.toml")),
        "schemes": tuple(SCHEMES),
        "boards": ("host", "nucleo-l4r5zi", "rx65n"),
    }
    issues = load_known_issues(models / "known_issues.toml", known)
    issue = find(issues, **where(model, scheme, "rx65n", "tflm"))
    assert (issue is not None and issue.raises == (errors.DeviceHaltedError,)) == halts
    for board, runtime in (("rx65n", "tinyquant"), ("host", "tflm"), ("nucleo-l4r5zi", "tflm")):
        assert find(issues, **where(model, scheme, board, runtime)) is None


def test_a_row_may_expect_one_of_several_errors(tmp_path: Path) -> None:
    row = "[[issue]]\nraises = ['UnsupportedModelError', 'VacuousSchemeError']\nreason = ''\n"
    (issue,) = load(tmp_path, row)
    assert issue.raises == (errors.UnsupportedModelError, errors.VacuousSchemeError)
    with pytest.raises(ConfigurationError, match="'raises' is empty"):
        load(tmp_path, "[[issue]]\nraises = []\nreason = ''\n")
    with pytest.raises(ConfigurationError, match="is trouble with the bench"):
        load(tmp_path, "[[issue]]\nraises = ['ModelError', 'BenchError']\nreason = ''\n")
