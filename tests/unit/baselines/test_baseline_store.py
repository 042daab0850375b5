"""Baseline files: readable in a diff, strict when read, whole when written."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.baselines import schema
from pytest_tinyquant.baselines.gate import Gate
from pytest_tinyquant.baselines.store import BaselineStore
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric


@pytest.fixture
def store(tmp_path: Path) -> BaselineStore:
    return BaselineStore(tmp_path / "baselines")


def read(store: BaselineStore, path: Path) -> Measurement:
    text = store.read_text(path)
    assert text is not None
    return store.parse(text, path)


def test_one_file_per_combination(store: BaselineStore) -> None:
    path = store.path("cnn_4", "int8-only", "nucleo-l4r5zi", "emulator")
    assert path == store.directory / "nucleo-l4r5zi" / "emulator" / "cnn_4-int8-only.json"


def test_a_slash_in_the_models_name_makes_a_directory(store: BaselineStore) -> None:
    path = store.path("mlperf-tiny/ad01", "int8", "host", "host")
    assert path == store.directory / "host" / "host" / "mlperf-tiny" / "ad01-int8.json"


@pytest.mark.parametrize("model", ["../x", "a/../../x", "a\\b"])
def test_names_that_leave_the_directory_are_refused(store: BaselineStore, model: str) -> None:
    with pytest.raises(BaselineError, match="not a plain path"):
        store.path(model, "int8", "host", "host")


def test_round_trip(store: BaselineStore, recorded: Measurement) -> None:
    identity = {key: text for key, text in recorded.identity.items() if key != "image"}
    stored = read(store, store.write(recorded))
    assert stored.ops == recorded.ops
    assert set(stored.arena_tensors) == set(recorded.arena_tensors)
    assert stored == dataclasses.replace(
        recorded, identity=identity, arena_tensors=stored.arena_tensors
    )


def test_text_is_sorted_indented_and_ends_in_a_newline(
    store: BaselineStore, recorded: Measurement
) -> None:
    text = store.write(recorded).read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2) + "\n"
    assert '"conv2d[3]": {\n      "count": 2200000,' in text


def test_writing_twice_gives_the_same_bytes(store: BaselineStore, recorded: Measurement) -> None:
    first = store.write(recorded).read_bytes()
    assert store.write(read(store, store.path_of(recorded))).read_bytes() == first


def test_a_file_from_before_variables_were_kept_is_a_baseline(
    store: BaselineStore, recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    path = store.write(change(variables={}))
    assert "variables" not in json.loads(path.read_text(encoding="utf-8"))
    assert read(store, path).variables == {}
    assert read(store, store.write(recorded)).variables == recorded.variables != {}


def test_floats_are_rounded_for_the_diff(
    store: BaselineStore, change: Callable[..., Measurement]
) -> None:
    path = store.write(change(error_mae=1 / 3))
    assert '"value": 0.333333\n' in path.read_text(encoding="utf-8")


def test_the_images_digest_is_kept_for_measured_numbers_only(
    store: BaselineStore, recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    assert "image" not in json.loads(schema.dump(recorded))["identity"]
    measured = change(latency_invoke=Metric(4_867_112, "cycles", "measured"))
    assert json.loads(schema.dump(measured))["identity"]["image"] == "c" * 64


def test_operators_come_back_in_execution_order(
    store: BaselineStore, recorded: Measurement
) -> None:
    ops = tuple(
        dataclasses.replace(recorded.ops[0], label=f"conv2d[{index}]") for index in range(12)
    )
    assert read(store, store.write(dataclasses.replace(recorded, ops=ops))).ops == ops


def test_a_missing_file_is_none(store: BaselineStore) -> None:
    assert store.read_text(store.directory / "nothing.json") is None


def test_a_file_of_another_combination_is_named(
    store: BaselineStore, recorded: Measurement, change: Callable[..., Measurement]
) -> None:
    path = store.write(recorded)
    text = schema.dump(change(model="cnn_5"))
    with pytest.raises(BaselineError, match=r"another combination.*'cnn_5'"):
        store.parse(text, path)


def test_a_file_that_is_not_text_is_named(store: BaselineStore, recorded: Measurement) -> None:
    path = store.write(recorded)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BaselineError, match=r"cannot be read.*Restore the file from git"):
        store.read_text(path)


def test_an_unwritable_directory_is_named(store: BaselineStore, recorded: Measurement) -> None:
    store.directory.write_text("a file in the way")
    with pytest.raises(BaselineError, match=r"cannot be written.*make .* writable"):
        store.write(recorded)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_named(
    store: BaselineStore, recorded: Measurement, share: float
) -> None:
    text = schema.dump(recorded)
    with pytest.raises(BaselineError, match=r"cnn_4-int8-only\.json: .*truncated"):
        store.parse(text[: int(len(text) * share)], store.path_of(recorded))


def edit(document: dict[str, Any], field: list[str], value: Any) -> None:
    *parents, last = field
    for key in parents:
        document = document[key]
    if value is ...:
        del document[last]
    else:
        document[last] = value


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (["format"], 2, "format is 2, this version reads 1 only"),
        (["format"], ..., "format is None"),
        (["comment"], "x", "unknown key 'comment'"),
        (["toolchian"], "x", "unknown key 'toolchian'; did you mean 'toolchain'"),
        (["toolchain"], ..., "lacks the key 'toolchain'"),
        (["toolchain"], 12, "toolchain is 12, expected text"),
        (["identity", "runtime"], ..., "identity lacks the key 'runtime'"),
        (["identity", "time"], "now", "identity has the unknown key 'time'"),
        (["metrics"], [], "metrics is list, expected an object"),
        (["metrics", "speed"], {}, "metrics has the unknown key 'speed'"),
        (["metrics", "latency", "invok"], {}, "unknown key 'invok'; did you mean 'invoke'"),
        (["metrics", "latency", "invoke"], 5, "metrics.latency.invoke is int"),
        (["metrics", "latency", "invoke", "value"], "5", "invoke.value is '5', expected a finite"),
        (["metrics", "latency", "invoke", "value"], True, "invoke.value is True"),
        (["metrics", "latency", "invoke", "unit"], None, "invoke.unit is None, expected text"),
        (["metrics", "latency", "invoke", "class"], "sure", "invoke.class is 'sure', expected one"),
        (["metrics", "latency", "invoke", "class"], [], r"invoke.class is \[\]"),
        (["metrics", "latency", "invoke", "unit"], ..., "invoke lacks the key 'unit'"),
        (["ops", "conv2d[3]", "count"], -1, r"ops.conv2d\[3\].count is -1"),
        (["ops", "conv2d[3]", "count"], 1.5, r"ops.conv2d\[3\].count is 1.5"),
        (["ops", "conv2d[3]", "output_shape"], "16 by 16", "output_shape is '16 by 16'"),
        (["symbols", "tq_invoke"], "64", "symbols.tq_invoke is '64'"),
        (["variables", "tq_flag"], -4, "variables.tq_flag is -4"),
        (["arena_peak", "conv2d_3"], None, "arena_peak.conv2d_3 is None"),
    ],
)
def test_nonsense_is_named_by_its_field(
    store: BaselineStore, recorded: Measurement, field: list[str], value: Any, message: str
) -> None:
    document = json.loads(schema.dump(recorded))
    edit(document, field, value)
    with pytest.raises(BaselineError, match=message) as caught:
        store.parse(json.dumps(document), store.path_of(recorded))
    assert "cnn_4-int8-only.json" in str(caught.value)
    assert "--tq-update-baselines=all" in str(caught.value)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(
    store: BaselineStore, recorded: Measurement, number: str
) -> None:
    text = schema.dump(recorded).replace('"value": 4867112', f'"value": {number}')
    with pytest.raises(BaselineError, match="finite"):
        store.parse(text, store.path_of(recorded))


def test_a_key_given_twice_is_refused(store: BaselineStore, recorded: Measurement) -> None:
    text = schema.dump(recorded).replace('"tq_invoke": 64', '"tq_invoke": 64, "tq_invoke": 65')
    with pytest.raises(BaselineError, match="tq_invoke is given twice"):
        store.parse(text, store.path_of(recorded))


@pytest.mark.parametrize("text", ["[" * 100_000, "1" * 10_000, '"text"', "null", "[]"])
def test_json_that_is_no_baseline_is_refused(
    store: BaselineStore, recorded: Measurement, text: str
) -> None:
    with pytest.raises(BaselineError, match="cnn_4-int8-only"):
        store.parse(text, store.path_of(recorded))


def test_a_value_changed_by_hand_is_a_value(store: BaselineStore, recorded: Measurement) -> None:
    text = schema.dump(recorded).replace('"value": 4867112', '"value": 4867000')
    baseline = store.parse(text, store.path_of(recorded))
    assert baseline.metrics["latency"]["invoke"].value == 4867000


RECORD = """
import json, sys
from pathlib import Path
from pytest_tinyquant.baselines.gate import Gate
from pytest_tinyquant.measure.measurement import Measurement

directory, proposals, measurement, metric = sys.argv[1:]
gate = Gate(Path(directory), proposals=Path(proposals), update="all")
measurement = Measurement.from_json(json.loads(measurement))
print(gate.check(metric, measurement, test=metric).status)
"""


def test_what_several_processes_judged_is_recorded_once_and_as_one(
    store: BaselineStore, recorded: Measurement, change: Callable[..., Measurement], tmp_path: Path
) -> None:
    path = store.write(recorded)
    slower = change(latency_invoke=5_238_004, flash_total=61_441)
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                RECORD,
                str(store.directory),
                str(tmp_path / "proposals"),
                json.dumps(slower.to_json()),
                metric,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for metric in ("latency", "flash", "ram", "error")
    ]
    statuses = [process.communicate(timeout=60)[0].strip() for process in processes]
    assert statuses == ["updated", "updated", "ok", "ok"]
    assert path.read_text(encoding="utf-8") == schema.dump(recorded)
    gate = Gate(store.directory, proposals=tmp_path / "proposals")
    assert gate.record({"latency", "flash", "ram", "error"}) == []
    assert path.read_text(encoding="utf-8") == schema.dump(slower)
    assert list(path.parent.iterdir()) == [path]
