"""The program ``tinyquant``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tinyquant.baselines.store import BaselineStore
from pytest_tinyquant.cli.finding import Finding
from pytest_tinyquant.cli.main import main
from pytest_tinyquant.measure.measurement import Measurement


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TINYQUANT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("TINYQUANT_EXTRA_MODELS", raising=False)
    return tmp_path


def test_init_writes_what_pytest_needs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    written = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    assert written == {
        "pytest.ini", "models/README.md", "models/known_issues.toml", "tests/test_quantization.py"
    }  # fmt: skip
    assert "tinyquant_boards = host nucleo-l4r5zi" in (project / "pytest.ini").read_text()
    assert "wrote tests/test_quantization.py" in capsys.readouterr().out


def test_init_keeps_what_is_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "tests").mkdir()
    (project / "tests" / "test_quantization.py").write_text("mine")
    (project / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    assert main(["init", "."]) == 0
    assert (project / "tests" / "test_quantization.py").read_text() == "mine"
    assert not (project / "pytest.ini").exists()
    out = capsys.readouterr().out
    assert "kept  tests/test_quantization.py" in out
    assert "kept  pyproject.toml" in out


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\ntestpaths = ["unit"]\n',
            ['tinyquant_boards = ["host", "nucleo-l4r5zi"]', 'testpaths = ["unit", "tests"]'],
        ),
        ("pyproject.toml", '[tool.pytest.ini_options]\ntestpaths = ["tests"]\n', [
            'tinyquant_boards = ["host", "nucleo-l4r5zi"]'
        ]),
        ("tox.ini", "[pytest]\ntestpaths = unit\n", [
            "tinyquant_boards = host nucleo-l4r5zi", "testpaths = unit tests"
        ]),
        ("setup.cfg", "[tool:pytest]\ntinyquant_boards = host\n", []),
        ("pytest.ini", "[pytest]\ntinyquant_boards = host\n", []),
    ],
)  # fmt: skip
def test_init_says_what_to_add_to_settings_that_are_there(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, lines: list[str]
) -> None:
    (project / name).write_text(text)
    assert main(["init"]) == 0
    out = capsys.readouterr().out
    assert (project / name).read_text() == text
    assert f"kept  {name}" in out
    told = [line.strip() for line in out.splitlines() if line.startswith("    ")]
    assert told == ([*(["which holds pytest's settings; add to them:"] if lines else []), *lines])


def test_init_says_where_it_cannot_write(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "file").touch()
    assert main(["init", "file"]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_boards_lists_names_and_how_they_are_reached(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "models").mkdir()
    (project / "boards.toml").write_text("[mine]\nbase = 'nucleo-l4r5zi'\n")
    assert main(["boards"]) == 0
    out = capsys.readouterr().out
    for text in ("host", "this computer", "nucleo-l4r5zi", "emulated (QEMU mps2-an386)", "mine"):
        assert text in out


def test_noise_needs_a_board_that_is_attached(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(project))
    (project / "models").mkdir()
    (project / "models" / "kws.keras").touch()
    assert main(["noise", "nucleo-l4r5zi"]) == 1
    assert "no such board is on this bench; add a [[bench]] row" in capsys.readouterr().err
    assert main(["noise", "nucleo-l4r5zi", "--runs", "1"]) == 1
    assert "--runs must be 2 or more" in capsys.readouterr().err
    assert sorted(path.name for path in project.iterdir()) == ["models"]


def test_schemes_lists_what_each_scheme_does(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "models").mkdir()
    (project / "schemes.toml").write_text(
        "[scheme.mine]\nbase = 'int8-only'\ndescription = 'small'\nrules = [\n"
        "  { operators = 'CONV_2D', layers = 'conv_0', weights = 4, activations = 8 },\n"
        "  { tensors = 'last', float = true },\n]\n"
    )
    assert main(["schemes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "basic: float32, not quantized (built in)",
        "    TensorFlow Lite's converter, input and output float32: as it is",
    ]
    assert lines[-5:] == [
        "mine: small (schemes.toml)",
        "    LiteRT's quantizer, input and output int8",
        "      every operator: int8 weights, int8 activations",
        "      CONV_2D in layers conv_0: int4 weights, int8 activations",
        "      tensors last: float32",
    ]
    (project / "schemes.toml").write_text("[scheme.mine]\nbas = 1")
    assert main(["schemes"]) == 1
    assert "unknown key 'bas' (closest: 'base')" in capsys.readouterr().err


def test_show_knows_only_the_projects_models(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "models").mkdir()
    (project / "models" / "kws.keras").touch()
    assert main(["show", "kwz"]) == 1
    assert "unknown model 'kwz' (closest: 'kws'); known models: kws" in capsys.readouterr().err
    assert main(["show", "kws", "--scheme", "int9"]) == 1
    assert "unknown scheme 'int9' (closest: 'int8')" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\ntinyquant_models_dir = mymodels\n"),
        ("pyproject.toml", "[tool.pytest.ini_options]\ntinyquant_models_dir = 'mymodels'\n"),
        ("tox.ini", "[pytest]\naddopts = -o tinyquant_models_dir=mymodels\n"),
    ],
)
def test_ini_keys_count_from_any_directory_below(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    text: str,
) -> None:
    (project / file).write_text(text)
    (project / "mymodels").mkdir()
    (project / "mymodels" / "kws.keras").touch()
    (project / "models").mkdir()
    (project / "models" / "other.keras").touch()
    monkeypatch.chdir(project / "models")
    assert main(["show", "kwz"]) == 1
    assert "(closest: 'kws'); known models: kws" in capsys.readouterr().err


def test_the_directory_of_baselines_is_the_projects(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "pytest.ini").write_text("[pytest]\ntinyquant_baselines = numbers\n")
    assert main(["compare"]) == 1
    assert f"{project / 'numbers'}" in capsys.readouterr().err


def test_an_impossible_ini_key_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "pytest.ini").write_text("[pytest]\ntinyquant_set_aside_after = few\n")
    assert main(["boards"]) == 1
    assert "tinyquant: tinyquant_set_aside_after: must be" in capsys.readouterr().err


def test_a_project_whose_pytest_does_not_start_says_so_and_goes_on(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "models").mkdir()
    (project / "conftest.py").write_text("import no_such_module")
    assert main(["boards"]) == 0
    found = capsys.readouterr()
    assert "pytest does not start in this project" in found.err
    assert "no_such_module" in found.err
    assert "nucleo-l4r5zi" in found.out


def test_show_plans_with_the_kernels_of_each_board(
    project: Path, capsys: pytest.CaptureFixture[str], int8_cnn: bytes
) -> None:
    (project / "cnn.tflite").write_bytes(int8_cnn)
    assert main(["show", "cnn.tflite"]) == 0
    both = capsys.readouterr().out
    assert main(["show", "cnn.tflite", "--board", "rx65n"]) == 0
    one = capsys.readouterr().out
    assert "kernels reference (rx65n)" in one
    assert re.search(r"kernels cortex_m_dsp \(.*nucleo-l4r5zi\)", both)
    assert re.search(r"kernels reference \(.*rx65n\)", both)
    assert "tq_max_pool_2d_s8_dsp" in both and "tq_max_pool_2d_s8_dsp" not in one


def test_show_says_that_a_file_is_corrupt(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "broken.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    assert main(["show", "broken.tflite"]) == 1
    assert "broken" in capsys.readouterr().err


def test_doctor_succeeds_only_if_nothing_is_missing(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_tinyquant.cli import doctor

    found = Finding("compiler", "building", "gcc 12")
    monkeypatch.setattr(doctor, "_findings", lambda load, boards: iter([found]))
    assert main(["doctor"]) == 0
    assert "everything is installed" in capsys.readouterr().out
    missing = Finding("qemu", "emulated boards", "", "apt install qemu-system-arm")
    monkeypatch.setattr(doctor, "_findings", lambda load, boards: iter([found, missing]))
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"missing  qemu +apt install qemu-system-arm", out)
    assert "needed for emulated boards" in out


def test_doctor_checks_only_what_the_named_boards_need(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def names(*boards: str) -> set[str]:
        main(["doctor", *boards])
        lines = capsys.readouterr().out.splitlines()
        return {line[9:].split("  ")[0] for line in lines if line.startswith(("ok ", "missing "))}

    nucleo = names("nucleo-l4r5zi")
    assert {"arm-none-eabi-gcc", "qemu-system-arm", "pyocd", "leases", "bench"} < nucleo
    assert not {"rx-elf-gcc", "qemu-system-rx", "tflite-micro", "pytest-xdist"} & nucleo
    assert {"rx-elf-gcc", "tensorflow", "leases"} < names("host", "rx65n")
    assert names("host") == {"tensorflow", "tflite-micro", "cache"}
    assert nucleo < names()
    assert main(["doctor", "nucleo"]) == 1
    assert re.search(
        r"no board 'nucleo'; known are: .*host, .*nucleo-l4r5zi", capsys.readouterr().err
    )


def test_doctor_without_names_looks_at_the_boards_of_the_ini_file_and_the_bench(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "pytest.ini").write_text("[pytest]\ntinyquant_boards = host\n")
    main(["doctor"])
    out = capsys.readouterr().out
    assert out.startswith("for host, as the ini file and the bench say\n")
    assert "rx-elf-gcc" not in out
    assert "arm-none-eabi-gcc" not in out
    main(["doctor", "rx65n"])
    assert "rx-elf-gcc" in capsys.readouterr().out


def test_without_a_command_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as info:
        main([])
    assert info.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


@pytest.fixture
def with_baselines(project: Path, change: Callable[..., Measurement]) -> Path:
    """A project with one model, and baselines of it, of another model and of another board."""
    (project / "models").mkdir()
    (project / "models" / "cnn_4.keras").touch()
    store = BaselineStore(project / "baselines")
    for scheme in ("basic", "int8-only"):
        store.write(change(scheme=scheme))
    store.write(change(model="gone"))
    store.write(change(board="sold"))
    store.write(change(model="zoo/net"))
    return project


def test_compare_shows_schemes_beside_each_other(
    with_baselines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "cnn_*"]) == 0
    out = capsys.readouterr().out
    assert "cnn_4 on nucleo-l4r5zi (emulator)" in out
    assert "int8-only" in out
    assert "basic" in out


def test_compare_shows_a_model_with_one_scheme_and_calls_nothing_the_best(
    with_baselines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "gone"]) == 0
    out = capsys.readouterr().out
    assert "gone on nucleo-l4r5zi (emulator)" in out
    assert "int8-only" in out
    assert "*" not in out
    assert "fastest" not in out


def test_compare_says_what_there_is(
    with_baselines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "nothing"]) == 1
    assert "models with numbers: cnn_4, gone, zoo/net" in capsys.readouterr().err


def test_compare_without_baselines_says_how_to_get_them(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "models").mkdir()
    assert main(["compare"]) == 1
    assert "--tq-missing-baseline=record" in capsys.readouterr().err


def test_unused_baselines_are_listed_and_deleted_but_none_of_models_that_are_elsewhere(
    with_baselines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["baselines", "--unused"]) == 1
    out = capsys.readouterr().out
    assert "nucleo-l4r5zi/emulator/gone-int8-only.json: the project has no combination" in out
    assert "sold/emulator/cnn_4-int8-only.json: the project has no board sold" in out
    assert "no model of zoo/ is here; TINYQUANT_EXTRA_MODELS may name it" in out
    assert "cnn_4-basic" not in out

    assert main(["baselines", "--unused", "--delete"]) == 0
    left = {file.name for file in (with_baselines / "baselines").rglob("*.json")}
    assert left == {"cnn_4-basic.json", "cnn_4-int8-only.json", "net-int8-only.json"}
    assert main(["baselines", "--unused"]) == 0


def test_delete_alone_deletes_nothing(
    with_baselines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["baselines", "--delete"]) == 1
    assert "goes with --unused" in capsys.readouterr().err
    assert len(list((with_baselines / "baselines").rglob("*.json"))) == 5


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("pytest-tinyquant ")


def test_completion_knows_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    with pytest.raises(SystemExit):
        main(["--completion", "bash"])
    assert "compare" in capsys.readouterr().out


def test_a_reader_who_leaves_early_is_no_error(project: Path) -> None:
    """As `tinyquant ... | head` does."""
    program = "import sys; from pytest_tinyquant.cli.main import main; sys.exit(main(['--help']))"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
