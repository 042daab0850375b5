"""A model file that others made, and the settings beside it."""

from __future__ import annotations

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.models.discovery import discover_models


def test_a_toml_file_beside_a_model_file_holds_its_settings(tmp_path):
    (tmp_path / "kws.tflite").touch()
    (tmp_path / "kws.toml").write_text("check_samples = 4\ntolerance = { error = 1e-3 }\n")

    (kws,) = discover_models(tmp_path).values()

    assert (kws.kind, kws.check_samples, kws.tolerance) == ("tflite", 4, {"error": 1e-3})


def test_a_tflite_file_is_not_converted_so_it_takes_no_scheme(tmp_path):
    (tmp_path / "kws.tflite").touch()
    (tmp_path / "kws.toml").write_text("schemes = ['int8']\n")

    with pytest.raises(ConfigurationError, match=r"unknown key 'schemes'.*check_samples, data"):
        discover_models(tmp_path)


def test_settings_name_data_that_must_exist(tmp_path):
    (tmp_path / "kws.tflite").touch()
    (tmp_path / "kws.toml").write_text("data = 'kws.npz'\n")

    with pytest.raises(ConfigurationError, match=r"data 'kws\.npz' does not exist"):
        discover_models(tmp_path)
