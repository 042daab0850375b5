"""A model file that others made, and the settings beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.discovery import discover_models


def test_a_toml_file_beside_a_model_file_holds_its_settings(tmp_path: Path) -> None:
    (tmp_path / "kws.tflite").touch()
    (tmp_path / "kws.toml").write_text("check_samples = 4\ntolerance = { error = 1e-3 }\n")

    (kws,) = discover_models(tmp_path).values()

    assert (kws.kind, kws.check_samples, kws.tolerance) == ("tflite", 4, {"error": 1e-3})


def test_a_tflite_file_is_not_converted_so_it_takes_no_scheme(tmp_path: Path) -> None:
    (tmp_path / "kws.tflite").touch()
    (tmp_path / "kws.toml").write_text("schemes = ['int8']\n")

    with pytest.raises(ConfigurationError, match=r"unknown key 'schemes'.*check_samples, data"):
        discover_models(tmp_path)


def test_settings_name_data_that_must_exist(tmp_path: Path) -> None:
    (tmp_path / "kws.tflite").touch()
    (tmp_path / "kws.toml").write_text("data = 'kws.npz'\n")

    with pytest.raises(ConfigurationError, match=r"data 'kws\.npz' does not exist"):
        discover_models(tmp_path)


@pytest.mark.parametrize(
    ("line", "steps"),
    [("", 1), ("sequence = false", 1), ("sequence = true", 16), ("sequence = 4", 4)],
)
def test_samples_of_a_model_that_remembers_may_follow_each_other(
    tmp_path: Path, line: str, steps: int
) -> None:
    (tmp_path / "kws.tflite").touch()
    plain = discover_models(tmp_path)["kws"].source_sha256 if steps == 1 else None
    (tmp_path / "kws.toml").write_text(line)

    kws = discover_models(tmp_path)["kws"]

    assert kws.steps(16) == steps
    assert plain in (None, kws.source_sha256)


@pytest.mark.parametrize(
    ("suffix", "line", "words"),
    [
        ("tflite", "sequence = 0", "'sequence' must be at least 1, not 0"),
        ("tflite", "sequence = 'all'", "'sequence' must be an integer"),
        ("keras", "sequence = true", "'sequence' is for models that come as .tflite"),
    ],
)
def test_what_no_sequence_can_be(tmp_path: Path, suffix: str, line: str, words: str) -> None:
    (tmp_path / f"kws.{suffix}").touch()
    (tmp_path / "kws.toml").write_text(line)

    with pytest.raises(ConfigurationError, match=words):
        discover_models(tmp_path)
