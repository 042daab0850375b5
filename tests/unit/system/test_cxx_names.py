"""Names of C++ functions in reports."""

from __future__ import annotations

import pytest

from pytest_tinyquant.system.cxx_names import readable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("_ZN6tflite16MicroInterpreter6InvokeEv", "tflite::MicroInterpreter::Invoke"),
        ("_ZN12_GLOBAL__N_14CopyEP13TfLiteContextP10TfLiteNode", "Copy"),
        ("_ZN6tflite12_GLOBAL__N_18EvalInt8EP13TfLiteContextP10TfLiteNode", "tflite::EvalInt8"),
        ("_ZNK6tflite5Thing4sizeEv", "tflite::Thing::size"),
        ("_Z11MicroPrintfPKcz", "MicroPrintf"),
        ("_Z4main3Foo", "main"),
        ("tq_conv_2d_s8", "tq_conv_2d_s8"),
        ("_ZN99short", "_ZN99short"),
        ("_ZTVN6tflite5ThingE", "_ZTVN6tflite5ThingE"),
        ("", ""),
    ],
)
def test_a_name_is_shown_as_its_author_wrote_it(name: str, shown: str) -> None:
    assert readable(name) == shown
