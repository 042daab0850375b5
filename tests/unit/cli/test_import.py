"""``tinyquant import``: a model's way into the project."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from model_builder import ModelBuilder

from pytest_tinyquant.cli import import_model
from pytest_tinyquant.cli.main import main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project" / "models").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TINYQUANT_EXTRA_MODELS", raising=False)
    return tmp_path / "project"


@pytest.fixture
def model(builder: ModelBuilder) -> bytes:
    source, result = (builder.tensor((1, 4), "int8", scale=0.1, name=n) for n in ("in", "out"))
    builder.operator("TANH", [source], [result])
    return bytes(builder.build([source], [result]))


def test_a_c_source_becomes_a_tflite_file_that_is_described(
    project: Path, model: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    source = project.parent / "my model_data.cc"
    source.write_text(f"const unsigned char g_model[] = {{{', '.join(map(str, model))}}};")

    assert main(["import", str(source)]) == 0

    assert (project / "models" / "my_model_data.tflite").read_bytes() == model
    said = capsys.readouterr().out
    assert f"TensorFlow Lite model, scheme int8-only, {len(model)} bytes" in said
    assert "from the array g_model" in said
    assert "input in: int8 1x4, scale 0.1, zero point 0" in said
    assert "operators: 1 TANH" in said
    assert "runtime tflm: supported" in said
    assert "pytest --model=my_model_data" in said


def test_a_file_that_is_there_is_kept_unless_it_is_the_same(
    project: Path, model: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    source = project.parent / "NET.LITE"
    source.write_bytes(model)
    assert main(["import", str(source)]) == 0
    assert main(["import", str(source)]) == 0
    (project / "models" / "NET.tflite").write_bytes(b"mine")

    assert main(["import", str(source)]) == 1

    assert (project / "models" / "NET.tflite").read_bytes() == b"mine"
    assert "NET.tflite is there already and is another model" in capsys.readouterr().err
    assert main(["import", str(source), "--name", "other"]) == 0
    assert (project / "models" / "other.tflite").read_bytes() == model


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("net.lite", b"damaged", "not a usable .tflite file"),
        ("net.cc", b"int main;", "no array in it begins as a TensorFlow Lite file"),
        ("net.pb", b"", "not a model: a TensorFlow graph"),
        ("net.pt", b"", "a pickle"),
    ],
)
def test_what_is_no_model_is_not_copied(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, words: str
) -> None:
    (project.parent / name).write_bytes(content)

    assert main(["import", str(project.parent / name)]) == 1

    assert words in capsys.readouterr().err
    assert not list((project / "models").iterdir())


def test_a_folder_is_copied_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "saved", tmp_path / "models" / "net"
    (source / "variables").mkdir(parents=True)
    (source / "saved_model.pb").write_bytes(b"graph")
    (source / "variables" / "data").write_bytes(b"weights")

    def full(source: Path, target: Path) -> None:
        shutil.copytree(source, target)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(import_model, "shutil", SimpleNamespace(copytree=full))
    with pytest.raises(OSError, match="No space left"):
        import_model._copy_folder(source, target)
    assert list(target.parent.iterdir()) == []
    monkeypatch.undo()
    import_model._copy_folder(source, target)
    assert (target / "variables" / "data").read_bytes() == b"weights"
    assert [path.name for path in target.parent.iterdir()] == ["net"]
