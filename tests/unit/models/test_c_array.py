"""C sources that hold a .tflite: read as data, whatever tool wrote them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from model_builder import ModelBuilder

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models import c_array
from pytest_tinyquant.models.c_array import holds_model
from pytest_tinyquant.models.c_array import read_c_array
from pytest_tinyquant.models.discovery import discover_models
from pytest_tinyquant.models.tflite_file import scheme_of_tflite


@pytest.fixture
def model(builder: ModelBuilder) -> bytes:
    source, result = (builder.tensor((1, 4), "int8", scale=0.1) for _ in range(2))
    builder.operator("TANH", [source], [result])
    return bytes(builder.build([source], [result]))


def listed(data: bytes, form: str = "0x{:02x}", width: int = 12) -> str:
    rows = [data[start : start + width] for start in range(0, len(data), width)]
    return ",\n  ".join(", ".join(form.format(byte) for byte in row) for row in rows)


XXD = "unsigned char net_tflite[] = {{\n  {list}\n}};\nunsigned int net_tflite_len = {size};\n"
EXPORTERS = {
    "xxd -i": XXD,
    "the examples of TensorFlow Lite Micro": (
        "/* Copyright {{ 0x00 }} */\n#include <cstdint>\n// Keep it aligned.\n"
        "alignas(16) const unsigned char g_model[] = {{\n  {list},\n}};\n"
        "const unsigned int g_model_size = {size};\n"
    ),
    "Arduino": (
        "#ifdef __has_attribute\n#define HAVE_ATTRIBUTE(x) __has_attribute(x)\n#endif\n"
        "const unsigned char g_model[] DATA_ALIGN_ATTRIBUTE = {{{list}}};\n"
        "const int g_model_len = {size};\n"
    ),
    "Edge Impulse": (
        "const size_t trained_tflite_len = {size};\n"
        "__attribute__((aligned(16))) const uint8_t trained_tflite[{size}] = {{ {list} }};\n"
    ),
    "std::array": "constexpr std::array<uint8_t, {size}> model = {{{{{list}}}}};",
    "beside other arrays": (
        'static const int sizes[2] = {{1, 2}};\nstatic const char *names[] = {{"a, b"}};\n'
        "const uint8_t model[] = {{{list}}}; // the end\n"
    ),
}


def write(path: Path, form: str, data: bytes, number: str = "0x{:02x}") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(form.format(list=listed(data, number), size=len(data)))
    return path


@pytest.mark.parametrize("form", EXPORTERS.values(), ids=EXPORTERS)
@pytest.mark.parametrize("number", ["0x{:02x}", "0X{:02X}", "{}", "{}u"])
def test_the_bytes_of_every_exporter_are_read(
    tmp_path: Path, model: bytes, form: str, number: str
) -> None:
    path = write(tmp_path / "net.cc", form, model, number)

    assert holds_model(path)
    assert read_c_array(path) == model


def test_a_source_in_the_models_directory_is_a_model_and_other_sources_are_none(
    tmp_path: Path, model: bytes
) -> None:
    write(tmp_path / "kws" / "model_data.cc", EXPORTERS["Arduino"], model)
    (tmp_path / "kws" / "model_data.h").write_text("extern const unsigned char g_model[];\n")
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    write(tmp_path / "NET.H", XXD, model)

    found = discover_models(tmp_path)

    assert {name: m.kind for name, m in found.items()} == {
        "kws/model_data": "tflite",
        "net": "tflite",
    }
    assert scheme_of_tflite(found["net"].path) == "int8-only"
    assert np.shape(found["net"].check()) == (16, 4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("}", ""), "array net_tflite has no end"),
        (lambda text: text.replace(" = {", " = { 1 + "), "no array in it begins as a TensorFlow"),
        (lambda text: text.replace("0x54, 0x46", "0x54, 0x47"), "no array in it begins as"),
        (lambda text: text.replace("\n}", ", SIZE\n}"), r"entry \d+ of array .* is 'SIZE', not a"),
        (lambda text: text.replace("\n}", ", 999\n}"), r"entry \d+ of array .* is 999, no byte"),
        (lambda text: text.replace("\n}", ", 0x1ff\n}"), r"is '0x1ff', not a byte"),
        (lambda text: text.replace("\n}", ", -1\n}"), "is '-1', not a byte"),
        (lambda text: text.replace("_len = ", "_len = 1"), r"has \S+ bytes, and net_tflite_len"),
        (lambda text: text + text.replace("net_", "other_"), r"2 models \(net_tflite, other_tfl"),
    ],
)
def test_a_damaged_source_is_a_model_error(
    tmp_path: Path, model: bytes, change: Callable[[str], str], words: str
) -> None:
    path = write(tmp_path / "net.h", XXD, model)
    path.write_text(change(path.read_text()))

    with pytest.raises(ModelError, match=words):
        read_c_array(path)


def test_a_source_larger_than_any_model_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(c_array, "SOURCE_LIMIT", 100)
    path = tmp_path / "net.cc"
    path.write_text("x" * 101)

    assert not holds_model(path)
    with pytest.raises(ModelError, match=r"net\.cc: .*100 are read at most"):
        scheme_of_tflite(path)


@pytest.mark.parametrize(
    "text", ["/*" * 200_000, "{" * 400_000, "{0x1, " * 100_000, "a[" * 200_000]
)
def test_hostile_text_takes_no_time(tmp_path: Path, text: str) -> None:
    path = tmp_path / "net.cc"
    path.write_text(text)
    before = time.process_time()

    with pytest.raises(ModelError, match="no array in it"):
        read_c_array(path)

    assert time.process_time() - before < 5
