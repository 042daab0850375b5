"""The schemes are the study's."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest

from pytest_tinyquant.schemes.scheme import SCHEMES


INT16 = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
BUILTINS = "TFLITE_BUILTINS"
INT8 = "TFLITE_BUILTINS_INT8"

# The settings of EdgeMark's TFLite_converter.py:
# optimizations, representative_dataset, inference type, supported_ops, supported_types.
STUDY = {
    "basic": (False, False, "float32", (), ()),
    "dynamic": (True, False, "float32", (), ()),
    "float16": (True, False, "float32", (), ("float16",)),
    "int8": (True, True, "float32", (), ()),
    "int8-only": (True, True, "int8", (INT8,), ()),
    "16x8": (True, True, "float32", (INT16, BUILTINS), ()),
    "16x8-only": (True, True, "int16", (INT16,), ()),
}


@pytest.mark.parametrize("name", STUDY)
def test_the_settings_are_those_of_the_study(name: str) -> None:
    scheme = SCHEMES[name]
    assert STUDY[name] == (
        scheme.optimize,
        scheme.representative,
        scheme.io_dtype,
        scheme.supported_ops,
        scheme.supported_types,
    )


def test_there_are_seven_in_the_order_of_the_reports() -> None:
    assert list(SCHEMES) == list(STUDY)


def test_every_scheme_knows_its_name_and_says_what_it_is() -> None:
    assert [scheme.name for scheme in SCHEMES.values()] == list(SCHEMES)
    assert len({scheme.description for scheme in SCHEMES.values()} - {""}) == 7


def test_a_scheme_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        SCHEMES["int8"].io_dtype = "int8"  # type: ignore[misc]


def test_listing_the_schemes_and_the_cache_imports_nothing_slow() -> None:
    script = (
        "import sys\n"
        "import pytest_tinyquant.system.cache, pytest_tinyquant.schemes.scheme\n"
        "print(sorted({'numpy', 'tensorflow', 'keras', 'tflite'} & set(sys.modules)))\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    assert output == b"[]\n"
