"""Whatever a file of others holds, its parser ends in its own typed error, and at once.

Each parser is given every form of damage: one row says which parser, which form, which error.
"""

from __future__ import annotations

import io
import json
import os
import resource
import struct
import time
import zipfile
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attack import NIGHTLY
from attack import check_harmless
from attack import parameters

from pytest_tinyquant.baselines import schema
from pytest_tinyquant.baselines.noise import read_noise
from pytest_tinyquant.baselines.store import BaselineStore
from pytest_tinyquant.boards.bench.command_flasher import find_flasher
from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.console.protocol import encode
from pytest_tinyquant.diff.sources import load
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.errors import CacheError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ConsoleError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.models.keras_file import input_shapes
from pytest_tinyquant.models.samples import read_npz
from pytest_tinyquant.models.tflite_file import scheme_of_tflite
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.known_issues import load_known_issues
from pytest_tinyquant.report.published import read_published
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.toml_table import Table


AT_ONCE = 10.0
"""Seconds within which a parser ends on a busy computer; what hangs or fills memory takes more."""

MEMORY = 2 << 30
"""Bytes that a parser may take beside what the tests have already."""


@contextmanager
def at_once() -> Iterator[None]:
    """Fail if a block takes long, or more memory than a file of a few bytes can be worth."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, limits[1]))
    started = time.monotonic()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert time.monotonic() - started < AT_ONCE


@dataclass(frozen=True)
class Parser:
    """A parser of files of others.

    :param name: of the file that it reads.
    :param read: is given the file's path.
    :param error: the class that it ends in.
    """

    name: str
    read: Callable[[Path], object]
    error: type[TinyQuantError]


def read_baseline(path: Path) -> object:
    store = BaselineStore(path.parent)
    text = store.read_text(path)
    assert text is not None
    return store.parse(text, path)


KNOWN = {"models": ("m",), "schemes": ("s",), "boards": ("b",), "runtimes": ("r",)}

JSON_PARSERS = {
    "baseline": Parser("net-int8.json", read_baseline, BaselineError),
    "noise floor": Parser("noise.json", read_noise, BaselineError),
    "side of a diff": Parser("run.json", lambda path: load(str(path), path.parent), TinyQuantError),
}
TOML_PARSERS = {
    "boards.toml": Parser("boards.toml", lambda path: load_boards([path]), ConfigurationError),
    "known_issues.toml": Parser(
        "known_issues.toml", lambda path: load_known_issues(path, KNOWN), ConfigurationError
    ),
    "model.toml": Parser(
        "net.toml", lambda path: Table.read(path).table("model"), ConfigurationError
    ),
}

DEEP = 100_000
DIGITS = "9" * 400

JSON_FORMS = {
    "nothing": b"",
    "NUL bytes": bytes(64),
    "no UTF-8": b'{"format": "\xff\xfe"}',
    "UTF-16": '{"format": 1}'.encode("utf-16"),
    "a BOM": b'\xef\xbb\xbf{"format": 1}',
    "deep arrays": b"[" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "deep and closed": b"[" * DEEP + b"]" * DEEP,
    "an array": b"[]",
    "a text": b'"format"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "400 digits": f'{{"format": {DIGITS}}}'.encode(),
    "minus 400 digits": f'{{"format": -{DIGITS}}}'.encode(),
    "5,000 digits": f'{{"format": {"9" * 5000}}}'.encode(),
    "1e999": b'{"format": 1e999}',
    "NaN": b'{"format": NaN}',
    "twice the same key": b'{"format": 1, "format": 1}',
    "a lone surrogate": b'{"format": "\\ud800"}',
    "escape sequences": b'{"\\u001b]52;c;x\\u0007": 1, "format": 1}',
    "a CI command": b'{"\\n::error::x": 1, "format": 1}',
    "bidi controls": '{"\u202e": 1, "format": 1}'.encode(),
    "cut off": b'{"format": 1, "metr',
    "combinations of another type": b'{"combinations": 7}',
    "combinations without anything": b'{"combinations": {"a": {"measurement": {"x": []}}}}',
    "a list of combinations": b'{"combinations": ["a"]}',
}

TOML_FORMS = {
    "NUL bytes": bytes(64),
    "no UTF-8": b"a = '\xff\xfe'",
    "UTF-16": "a = 1".encode("utf-16"),
    "a BOM": b"\xef\xbb\xbfa = 1",
    "deep arrays": b"a = " + b"[" * DEEP,
    "deep tables": b"a = " + b"{a = " * DEEP,
    "deep keys": b".".join([b"a"] * 3_000) + b" = 1",
    "deep headers": b"[" + b".".join([b"a"] * 3_000) + b"]",
    "twice the same key": b"a = 1\na = 1",
    "a value cut off": b"a = ",
    "a number for a table": b"issue = 1\nhost = 1\nmodel = 1",
    "a text for a table": b"issue = 'x'\nhost = 'x'\nmodel = 'x'",
    "an array for a table": b"issue = [1]\nhost = [1]\nmodel = [1]",
    "a date for a table": b"issue = 1979-05-27\nhost = 1979-05-27\nmodel = 1979-05-27",
    "an unknown table": b"[x]\ny = 1\n[[issue]]\nz = 1\n[model]\nw = 1",
    "nan": b"[host]\nflash_bytes = nan\n[[issue]]\nmodels = nan",
    "400 digits": f"[host]\nflash_bytes = {DIGITS}\n[[issue]]\nextra = {DIGITS}".encode(),
    "5,000 digits": f"[host]\nflash_bytes = {'9' * 5000}".encode(),
    "escape sequences in a key": b'["\\u001b]0;x\\u0007"]\nkind = "host"\n[[issue]]\n"\\u001b" = 1',
    "a CI command in a key": b'["\\n::error::x"]\nkind = "host"\n[[issue]]\n"\\n::error::x" = 1',
    "a file of 5 MB": b"# " + b"x" * (5 << 20),
}

#: What is right for one parser, or not its business.
HARMLESS = {
    ("model.toml", form)
    for form in ("an unknown table", "nan", "400 digits", "deep keys", "deep headers",
                 "escape sequences in a key", "a CI command in a key")
}  # fmt: skip


def crossed(parsers: dict[str, Parser], forms: dict[str, bytes]) -> list[Any]:
    return [
        pytest.param(parser, content, name, form, id=f"{name} holds {form}")
        for name, parser in parsers.items()
        for form, content in forms.items()
    ]


def check_error(error: pytest.ExceptionInfo[TinyQuantError]) -> None:
    """Check that an error says something, in text that can be shown."""
    from pytest_tinyquant.system.plain_text import harmless

    assert str(error.value).strip()
    check_harmless(harmless(str(error.value)))


@pytest.mark.parametrize(
    ("parser", "content", "name", "form"),
    [
        *parameters(crossed(JSON_PARSERS, JSON_FORMS), quick=40),
        *parameters(crossed(TOML_PARSERS, TOML_FORMS), quick=25),
    ],
)
def test_a_text_file(tmp_path: Path, parser: Parser, content: bytes, name: str, form: str) -> None:
    path = tmp_path / parser.name
    path.write_bytes(content)
    try:
        with at_once():
            parser.read(path)
    except parser.error as error:
        assert str(error).strip()
        assert path.name in str(error)
    else:
        assert (name, form) in HARMLESS


@pytest.mark.parametrize(
    "form", [form for form in TOML_FORMS if form in ("deep arrays", "deep tables")]
)
def test_a_text_file_that_is_too_deep_says_so(tmp_path: Path, form: str) -> None:
    path = tmp_path / "boards.toml"
    path.write_bytes(TOML_FORMS[form])
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        load_boards([path])


@pytest.mark.parametrize("key", ["flash_bytes", "ram_bytes"])
@pytest.mark.parametrize("digits", [20, 400])
def test_a_size_that_no_computer_can_have(tmp_path: Path, key: str, digits: int) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(f'[own]\nbase = "nucleo-l4r5zi"\n{key} = {"9" * digits}\n')
    with pytest.raises(ConfigurationError, match=rf"own\]: key '{key}' .* more than 64 bits"):
        load_boards([path])


def test_more_check_samples_than_any_run_takes(tmp_path: Path) -> None:
    (tmp_path / "net.tflite").write_bytes(b"")
    (tmp_path / "net.toml").write_text(f"check_samples = {10**12}\n")
    with pytest.raises(ConfigurationError, match=r"key 'check_samples' must be at most"):
        load_model(tmp_path / "net.tflite")


# ---- Baselines: every field of every type ----

OTHER_TYPES = {
    "a number": 7,
    "400 digits": int(DIGITS),
    "a text": "x",
    "null": None,
    "a list": [],
    "an object": {"x": {}},
    "a deep list": json.loads("[" * 500 + "]" * 500),
    "minus one": -1,
    "true": True,
}
FIELDS = (
    "format", "model", "identity", "identity.flags", "metrics", "metrics.latency",
    "metrics.latency.invoke", "metrics.latency.invoke.value", "metrics.latency.invoke.unit",
    "metrics.latency.invoke.class", "ops", "ops.conv2d[0]", "ops.conv2d[0].count",
    "ops.conv2d[0].output_shape", "symbols", "symbols.tq_invoke", "arena_peak", "variables",
)  # fmt: skip
GOOD = {
    "format": 1, "model": "net", "scheme": "int8", "board": "b", "target": "emulator",
    "toolchain": "gcc", "output_sha256": "0" * 64,
    "identity": dict.fromkeys(
        ("model_sha256", "tflite_sha256", "converter", "runtime", "runtime_version", "kernels",
         "flags"), "x",
    ),
    "metrics": {"latency": {"invoke": {"value": 1, "unit": "instructions", "class": "exact"}}},
    "ops": {"conv2d[0]": {"kernel": "k", "output_shape": "1x1", "count": 1}},
    "symbols": {"tq_invoke": 1}, "variables": {}, "arena_peak": {},
}  # fmt: skip


def with_field(field: str, value: object) -> str:
    document = json.loads(json.dumps(GOOD))
    *parents, last = field.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    place[last] = value
    return json.dumps(document)


FITS = {
    *((field, kind) for field in ("model", "identity.flags", "metrics.latency.invoke.unit",
                                  "metrics.latency.invoke.value")
      for kind in ("a text", "a number", "minus one")
      if (kind == "a text") == (field != "metrics.latency.invoke.value")),
    ("ops.conv2d[0].count", "a number"), ("symbols.tq_invoke", "a number"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("field", "kind"),
    parameters(
        [pytest.param(f, k, id=f"{f} is {k}") for f in FIELDS for k in OTHER_TYPES], quick=30
    ),
)
def test_a_baseline_with_a_field_of_another_type(field: str, kind: str) -> None:
    text = with_field(field, OTHER_TYPES[kind])
    if (field, kind) in FITS:
        schema.parse(text, Path("net.json"))
        return
    with pytest.raises(BaselineError, match=r"^baseline net\.json: ") as error, at_once():
        schema.parse(text, Path("net.json"))
    check_error(error)


# ---- .keras files ----


def zip_of(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_json", ".json"), content)
    return file.getvalue()


def claiming(data: bytes, size: int) -> bytes:
    """Let the archive's directory claim another size for its first member."""
    place = data.index(b"PK\x01\x02")
    return data[: place + 24] + struct.pack("<I", size) + data[place + 28 :]


WRONG: tuple[Any, ...] = (7, "x", None, [], [1], {"x": 1}, [[]], True)
KERAS_FORMS = {
    "no zip": b"not a zip",
    "nothing": b"",
    "no config": zip_of(metadata_json=b"{}"),
    "config is no JSON": zip_of(config_json=b"{"),
    "config is no UTF-8": zip_of(config_json=b'{"\xff": 1}'),
    "config is deep": zip_of(config_json=b'{"a":' * DEEP),
    "config of 400 digits": zip_of(config_json=f'{{"config": {DIGITS}}}'.encode()),
    "config is a bomb": zip_of(config_json=bytes(64 << 20)),
    "weights are a bomb": claiming(zip_of(**{"a.h5": b"x", "config_json": b"{}"}), 0xFFFFFFF0),
    "config claims less than it has": claiming(zip_of(config_json=b'{"a": "' + b"x" * 99), 3),
    **{
        f"config is {value!r}": zip_of(config_json=json.dumps(value).encode())
        for value in WRONG
        if not isinstance(value, dict)
    },
    **{
        f"{key} is {value!r}": zip_of(config_json=json.dumps({"config": {key: value}}).encode())
        for key in ("layers", "input_layers")
        for value in WRONG
    },
    **{
        f"a layer is {value!r}": zip_of(
            config_json=json.dumps({"config": {"layers": [value]}}).encode()
        )
        for value in WRONG
    },
    **{
        f"batch_shape is {value!r}": zip_of(
            config_json=json.dumps({"config": {"layers": [{"batch_shape": value}]}}).encode()
        )
        for value in (*WRONG, [None, -1], [None, 10**30], [None, 2**40], [None, 1.5], [None, "x"])
    },
}


@pytest.mark.parametrize("form", parameters(KERAS_FORMS, quick=24))
def test_a_keras_file(tmp_path: Path, form: str) -> None:
    """Its shapes are known, unknown, or the file is refused; then its samples are."""
    path = tmp_path / "net.keras"
    path.write_bytes(KERAS_FORMS[form])
    try:
        with at_once():
            shapes = input_shapes(path)
            load_model(path).check()
    except (ModelError, ConfigurationError) as error:
        assert "net.keras" in str(error)
    else:
        assert shapes, "samples of no input"


@pytest.mark.parametrize("form", ["config is a bomb", "weights are a bomb"])
def test_a_keras_file_is_not_unpacked_to_see_that_it_is_too_large(
    tmp_path: Path, form: str
) -> None:
    path = tmp_path / "net.keras"
    path.write_bytes(KERAS_FORMS[form])
    with pytest.raises(ModelError, match=r"net\.keras: unpacks to .* are read"):
        input_shapes(path)


# ---- npz files ----


def npz_of(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy(shape: str, data: bytes = b"", *, dtype: str = "'<f4'", version: int = 1) -> bytes:
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - len(header) % 64) + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes((version, 0)) + size + header + data


NPZ_FORMS = {
    "nothing": b"",
    "no zip": b"PK not really",
    "a pickle": zip_of(**{"check.npy": b"cos\nsystem\n(S'exit'\ntR."}),
    "objects": npz_of(check=np.array([{}], dtype=object)),
    "an array of 1 TiB": zip_of(**{"check.npy": npy("(1099511627776,)")}),
    "an array of 8 EiB": zip_of(**{"check.npy": npy("(9223372036854775807,)")}),
    "an array of 400 digits": zip_of(**{"check.npy": npy(f"({DIGITS},)")}),
    "a negative shape": zip_of(**{"check.npy": npy("(-1,)")}),
    "a text for a shape": zip_of(**{"check.npy": npy("'x'")}),
    "a type that is none": zip_of(**{"check.npy": npy("(1,)", dtype="'<q99'")}),
    "a type that is an expression": zip_of(**{"check.npy": npy("(1,)", dtype="__import__('os')")}),
    "a deep header": zip_of(**{"check.npy": npy("(" * 5000)}),
    "data that ends": zip_of(**{"check.npy": npy("(9,)", bytes(8))}),
    "version 3": zip_of(**{"check.npy": npy("(1,)", bytes(4), version=3)}),
    "version 9": zip_of(**{"check.npy": npy("(1,)", bytes(4), version=9)}),
    "a bomb": zip_of(**{"check.npy": npy("(157286400,)", bytes(600 << 20))}) if NIGHTLY else b"",
    "a member of another kind": zip_of(**{"check.txt": b"hello"}),
    "a cut-off archive": npz_of(check=np.zeros((9, 9)))[:-30],
    "flipped bytes": bytes(b ^ 0x55 for b in npz_of(check=np.zeros((9, 9)))),
}


@pytest.mark.parametrize("form", parameters(NPZ_FORMS, quick=19))
def test_an_npz_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / "samples.npz"
    path.write_bytes(NPZ_FORMS[form])
    refused = pytest.raises(ConfigurationError, match=r"samples\.npz: not a readable npz")
    with refused as error, at_once():
        read_npz(path)
    check_error(error)


@pytest.mark.parametrize("form", ["an array of 1 TiB", "an array of 8 EiB"])
def test_no_memory_is_taken_for_an_array_that_is_not_there(tmp_path: Path, form: str) -> None:
    path = tmp_path / "samples.npz"
    path.write_bytes(NPZ_FORMS[form])
    with pytest.raises(ConfigurationError, match=r"array 'check\.npy' .* is not complete"):
        read_npz(path)


@pytest.mark.parametrize(
    ("shape", "count"), [((1 << 27,), 16), ((1 << 30,), 16), ((1 << 20,), 100_000), ((4,), 10**9)]
)
def test_samples_are_counted_before_they_are_made(
    tmp_path: Path, shape: tuple[int], count: int
) -> None:
    layers = [{"batch_shape": [None, *shape]}]
    path = tmp_path / "net.keras"
    path.write_bytes(zip_of(config_json=json.dumps({"config": {"layers": layers}}).encode()))
    settings = tmp_path / "net.toml"
    settings.write_text(f"check_samples = {count}\n")
    with pytest.raises(ConfigurationError, match=r"check_samples|bytes"), at_once():
        load_model(path).check()


@pytest.mark.parametrize("count", ["0", "-1", "1000000000000", DIGITS, "1.5", "true", "'16'"])
def test_a_number_of_check_samples_that_cannot_be(tmp_path: Path, count: str) -> None:
    (tmp_path / "net.keras").touch()
    (tmp_path / "net.toml").write_text(f"check_samples = {count}\n")
    with pytest.raises(ConfigurationError, match="check_samples"):
        load_model(tmp_path / "net.keras")


# ---- Other binary files ----

BYTES = {
    "nothing": b"",
    "NUL bytes": bytes(4096),
    "0xff bytes": b"\xff" * 4096,
    "a magic and nothing": b"\x7fELF",
    "a magic and noise": b"\x7fELF\x01\x01\x01" + bytes(range(256)) * 8,
    "an identifier and nothing": b"\x08\0\0\0TFL3",
    "an identifier and noise": b"\x08\0\0\0TFL3" + bytes(range(256)) * 8,
    "an identifier and a far root": b"\xff\xff\xff\x7fTFL3" + bytes(64),
}


@pytest.mark.parametrize("form", BYTES)
def test_a_tflite_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(BYTES[form])
    with pytest.raises(ModelError, match=r"net\.tflite"), at_once():
        scheme_of_tflite(path)


@pytest.mark.parametrize("form", BYTES)
def test_an_image(tmp_path: Path, form: str) -> None:
    path = tmp_path / "image.elf"
    path.write_bytes(BYTES[form])
    with pytest.raises(CacheError, match=r"image\.elf"), at_once():
        Elf(path)


CSV_HEAD = "runtime,board,build,model,scheme,latency\n"
CSV_FORMS = {
    "no UTF-8": CSV_HEAD.encode() + b"\xff",
    "a field of 1 MB": (CSV_HEAD + "tflm," + "x" * (1 << 20)).encode(),
    "NUL bytes": CSV_HEAD.encode() + b"\0\0",
    "a lone return": (CSV_HEAD + 'tflm,"b\r').encode(),
}


@pytest.mark.parametrize("form", CSV_FORMS)
def test_published_figures(tmp_path: Path, form: str) -> None:
    (tmp_path / "figures.csv").write_bytes(CSV_FORMS[form])
    try:
        read_published(tmp_path)
    except BaselineError as error:
        assert "figures.csv" in str(error)


# ---- What a device says ----

LINES = {
    "HELLO with a version of 400 digits": [("HELLO", f"tq={DIGITS} image={'0' * 16} board=b unit=cycles ops=1 samples=1 outputs=1")],  # noqa: E501
    "HELLO with samples of 400 digits": [("HELLO", f"tq=1 image={'0' * 16} board=b unit=cycles ops=1 samples={DIGITS} outputs=1")],  # noqa: E501
    "HELLO with a board of two words": [("HELLO", f"tq=1 image={'0' * 16} board=my board unit=cycles ops=1 samples=1 outputs=1")],  # noqa: E501
    "HELLO without anything": [("HELLO", "")],
    "an unknown line": [("HELLO", ""), ("SYSTEM", "reboot")],
    **{
        f"{kind} of 400 digits": [("GOOD", ""), (kind, payload)]
        for kind, payload in (
            ("RUN", f"0 {DIGITS}"), ("OP", f"0 {DIGITS}"), ("REPEAT", f"0 {DIGITS}"),
            ("PROFILED", DIGITS), ("STACK", f"{DIGITS} {DIGITS}"), ("ARENA", DIGITS),
            ("END", DIGITS), ("OUT", f"{DIGITS} 0 00"), ("OUT", f"0 {DIGITS} 00"),
            ("CLOCK", f"hz={DIGITS} cycles=1 ticks=1 reference=1 loop=1 low=1 high=1 "
                      "optimized=size"),
            ("FAULT", f"exc={DIGITS} pc=00000000 lr=00000000 sp=00000000 op=0"),
        )
    },
}  # fmt: skip
HELLO = f"tq=1 image={'0' * 16} board=b unit=cycles ops=1 samples=1 outputs=1 repeats=1"


@pytest.mark.parametrize("form", LINES)
def test_lines_with_a_right_checksum_that_say_what_cannot_be(form: str) -> None:
    decoder = Decoder("board")
    with pytest.raises(ConsoleError, match=r"^board: ") as error:
        for number, line in enumerate(LINES[form]):
            decoder.feed(encode(number, *(("HELLO", HELLO) if line[0] == "GOOD" else line)))
    check_error(error)


# ---- Commands of a board's row ----

TEMPLATES = {
    "a brace left open": "program {elf",
    "a brace never opened": "program elf}",
    "a conversion": "program {elf!x}",
    "a format": "program {elf:>999999999}",
    "an attribute": "program {elf.__class__}",
    "an index": "program {elf[0]}",
    "a number": "program {0}",
    "nothing in braces": "program {}",
    "braces in braces": "program {{elf}}",
    "an unknown name": "program {password}",
    "only blanks": "   ",
    "an empty word": "'' {elf}",
    "a quote left open": "program '{elf}",
    "a backslash at the end": "program {elf} \\",
}


@pytest.mark.parametrize("form", TEMPLATES)
def test_a_command_template_that_cannot_be_followed(form: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^row 1: flasher "):
        find_flasher(TEMPLATES[form], "rx65n", "row 1")


# ---- Records of other processes ----

RECORDS = {
    "nothing": b"",
    "a deep list": b"[" * DEEP,
    "400 digits": DIGITS.encode(),
    "an array": b"[]",
    "no UTF-8": b"\xff",
}


@pytest.mark.parametrize("form", RECORDS)
def test_a_damaged_manifest_is_built_anew(tmp_path: Path, form: str) -> None:
    cache = Cache(tmp_path)
    key = cache.key("x")
    entry = cache.entry("images", key, lambda directory: (directory / "a").touch())
    (entry / "manifest.json").write_bytes(RECORDS[form])
    built: list[Path] = []
    cache.entry("images", key, built.append)
    assert len(built) == 1


def test_a_link_to_an_endless_device_is_no_manifest(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    key = cache.key("x")
    entry = cache.entry("images", key, lambda directory: (directory / "a").touch())
    (entry / "manifest.json").unlink()
    os.symlink("/dev/zero", entry / "manifest.json")
    with at_once():
        assert cache.find("images", key) is None
