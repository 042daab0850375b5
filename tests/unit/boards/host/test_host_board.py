"""The host as a device: real TensorFlow Lite Micro, and runtimes that go wrong."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.host.host import HostDevice
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.system import environment


FULLY_CONNECTED, EMBEDDING_LOOKUP = 9, 7

RunFake = Callable[..., HostDevice]


@pytest.fixture
def device(tmp_path: Path) -> HostDevice:
    return HostDevice("host", work_dir=tmp_path, timeout=60)


@pytest.fixture(scope="module")
def sine() -> Path:
    """The float model y = sin(x) that the wheel brings for its own check."""
    spec = importlib.util.find_spec("tflite_micro")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "python" / "tflite_micro" / "sine_float.tflite"


@pytest.fixture
def samples() -> list[bytes]:
    return [np.float32(x).tobytes() for x in (0.0, 0.5, 1.0, 1.5)]


@pytest.fixture
def with_runtime(tmp_path: Path, sine: Path, monkeypatch: pytest.MonkeyPatch) -> RunFake:
    """Return a device whose child process finds another runtime, given as Python source."""

    def with_runtime(source: str, timeout: float = 60) -> HostDevice:
        package = tmp_path / "fake" / "tflite_micro" / "python" / "tflite_micro"
        package.mkdir(parents=True)
        for directory in (package, package.parent, package.parent.parent):
            (directory / "__init__.py").touch()
        (package / "runtime.py").write_text(source)
        made = functools.partial(environment.made_for_python, PYTHONPATH=str(tmp_path / "fake"))
        monkeypatch.setattr(environment, "made_for_python", made)
        device = HostDevice("host", work_dir=tmp_path, timeout=timeout)
        device.flash(HostImage(sine, [bytes(4)]))
        return device

    return with_runtime


def test_no_module_path_of_the_shell_replaces_the_runtime(
    with_runtime: RunFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = with_runtime("raise SystemExit(1)")
    monkeypatch.undo()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))
    monkeypatch.syspath_prepend(str(tmp_path / "fake"))
    assert device.run().outputs


def test_runs_all_samples(device: HostDevice, sine: Path, samples: list[bytes]) -> None:
    device.flash(HostImage(sine, samples))
    record = device.run()
    outputs = [np.frombuffer(output, np.float32) for output in record.outputs]
    assert [output.shape for output in outputs] == [(1,)] * 4
    assert np.abs(np.concatenate(outputs) - np.sin([0.0, 0.5, 1.0, 1.5])).max() < 0.1
    assert device.run().outputs == record.outputs


def test_records_the_arena(device: HostDevice, sine: Path, samples: list[bytes]) -> None:
    device.flash(HostImage(sine, samples))
    record = device.run()
    assert record.arena_bytes is not None
    assert 500 < record.arena_bytes < 5000
    assert f"Arena allocation total {record.arena_bytes} bytes" in record.log
    assert (record.counter, record.op_counters, record.stack_bytes) == (None, (), None)


def test_gives_the_tensors_between_the_operators(
    device: HostDevice, sine: Path, samples: list[bytes]
) -> None:
    device.flash(HostImage(sine, samples))
    tensors = device.tensors()
    last = tensors[max(tensors)]
    assert len(tensors) == 3
    assert last.tobytes() == device.run().outputs[0]


def test_leaves_no_files(
    device: HostDevice, sine: Path, samples: list[bytes], tmp_path: Path
) -> None:
    device.flash(HostImage(sine, samples))
    device.run()
    assert list(tmp_path.iterdir()) == []


def test_says_what_the_runtime_refused(
    device: HostDevice, sine: Path, samples: list[bytes], tmp_path: Path
) -> None:
    content = sine.read_bytes()
    unsupported = tmp_path / "unsupported.tflite"
    unsupported.write_bytes(_with_operator(content, EMBEDDING_LOOKUP))
    device.flash(HostImage(unsupported, samples))
    with pytest.raises(DeviceHaltedError, match="EMBEDDING_LOOKUP") as caught:
        device.run()
    assert caught.value.kind == "AllocateTensors"
    assert str(unsupported) in str(caught.value)


@pytest.mark.parametrize("size", [3, 5])
def test_refuses_samples_of_another_size(device: HostDevice, sine: Path, size: int) -> None:
    device.flash(HostImage(sine, [bytes(size)]))
    with pytest.raises(DeviceHaltedError, match=r"SetInput.* 4 bytes") as caught:
        device.run()
    assert caught.value.kind == "SetInput"


def test_says_that_the_runtime_aborted(with_runtime: RunFake) -> None:
    source = "import os, sys; print('assertion failed', file=sys.stderr, flush=True); os.abort()"
    with pytest.raises(DeviceHaltedError, match=r"SIGABRT\n  assertion failed") as caught:
        with_runtime(source).run()
    assert caught.value.kind == "abort"


def test_stops_a_runtime_that_hangs(with_runtime: RunFake) -> None:
    with pytest.raises(DeviceTimeoutError, match=r"did not finish 1 samples .* in 0\.5 s"):
        with_runtime("while True: pass", timeout=0.5).run()


def test_says_how_to_install_the_runtime(with_runtime: RunFake) -> None:
    with pytest.raises(ToolchainNotFoundError, match="pip install 'pytest-tinyquant"):
        with_runtime("raise ImportError('libstdc++.so.6')").run()


def test_says_how_to_install_a_missing_runtime(
    device: HostDevice, sine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    device.flash(HostImage(sine, [bytes(4)]))
    with pytest.raises(ToolchainNotFoundError, match="pip install 'pytest-tinyquant"):
        device.run()


def test_blames_the_bench_for_anything_else(with_runtime: RunFake) -> None:
    with pytest.raises(BenchError, match="exit code 1"):
        with_runtime("raise SystemExit(1)").run()


def test_wants_an_image_first(device: HostDevice, tmp_path: Path) -> None:
    with pytest.raises(FlashError, match="nothing was put on the device"):
        device.run()
    with pytest.raises(FlashError, match="does not exist"):
        device.flash(HostImage(tmp_path / "missing.tflite", []))


def _with_operator(content: bytes, builtin: int) -> bytes:
    """Return the model with every FULLY_CONNECTED replaced by another operator."""
    import flatbuffers
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    for code in model.operatorCodes:
        assert FULLY_CONNECTED in (code.builtinCode, code.deprecatedBuiltinCode)
        code.builtinCode = code.deprecatedBuiltinCode = builtin
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
