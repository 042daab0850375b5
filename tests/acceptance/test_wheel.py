"""The wheel works where this repository is not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.system.cache import Cache


REPOSITORY = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "pytest_tinyquant", "firmware")
BOARDS = ("--board", "host,nucleo-l4r5zi")
NOT_CARRIED = shutil.ignore_patterns("__pycache__", "*.pyc")


def run(*command: Any, cwd: Path, env: dict[str, str] | None = None, status: int = 0) -> str:
    result = subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert result.returncode == status, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network from a copy of what is in the repository."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, source / name, ignore=NOT_CARRIED)
        elif (REPOSITORY / name).is_file():
            shutil.copy(REPOSITORY / name, source)
    output = tmp_path_factory.mktemp("wheel")
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", output, source)
    run(sys.executable, *build, cwd=source)
    (file,) = output.glob("*.whl")
    return file


def carried(folder: str | Path, prefix: str) -> set[str]:
    """Return the names under which a wheel carries the files of a folder."""
    files = {file for file in (REPOSITORY / folder).rglob("*") if file.is_file()}
    return {
        f"{prefix}/{file.relative_to(REPOSITORY / folder).as_posix()}"
        for file in files
        if "__pycache__" not in file.parts
    }


def test_the_wheel_carries_every_file_of_the_package_and_the_firmware(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package, firmware = "pytest_tinyquant", "pytest_tinyquant/_firmware"
    assert names == carried(package, package) | carried("firmware", firmware)
    assert f"{package}/py.typed" in names
    assert f"{package}/project/boards.toml" in names
    assert f"{firmware}/engine/kernels/reference/conv_2d.c" in names


@pytest.fixture
def installed(
    wheel: Path, cache_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The programs of a new virtual environment with the wheel, and with no sight of this clone."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home)}))
    pip = (sys.executable, "-m", "pip", "--python", home, "install", "--no-index", "--no-deps")
    run(*pip, "--quiet", wheel, cwd=tmp_path)
    # Third-party packages of this environment; a .pth is not followed from there, so that the
    # editable installation of this clone stays out.
    paths = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "third_party.pth").write_text("".join(f"{path}\n" for path in paths))
    for variable in ("PYTEST_ADDOPTS", "PYTHONPATH"):
        monkeypatch.delenv(variable, raising=False)
    # The wheel of ninja puts its program beside this Python, where the new environment cannot see
    # it through a .pth.
    programs = os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"]))
    monkeypatch.setenv("PATH", programs)
    monkeypatch.setenv("TINYQUANT_CACHE", str(cache_root))
    monkeypatch.setenv("COLUMNS", "200")
    return home / "bin"


def test_a_foreign_model_in_an_empty_directory_gets_verdicts(
    installed: Path, cache_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    python = installed / "python"
    where = "import pytest_tinyquant, pathlib; print(pathlib.Path(pytest_tinyquant.__file__))"
    assert run(python, "-c", where, cwd=project).startswith(str(installed.parent))

    run(installed / "tinyquant", "init", cwd=project)
    model = load_model(REPOSITORY / "models" / "fc_1.toml")
    converted = convert(model, SCHEMES["int8-only"], Cache(cache_root))
    shutil.copy(converted.path, project / "models" / "foreign.tflite")
    models = 1
    for folder in os.environ.get("TINYQUANT_EXTRA_MODELS", "").split(os.pathsep):
        for file in Path(folder).glob("mlperf-tiny/ad01_int8.tflite"):
            shutil.copy(file, project / "models")
            models += 1
    monkeypatch.delenv("TINYQUANT_EXTRA_MODELS", raising=False)

    pytest_command = (python, "-m", "pytest", *BOARDS)
    recorded = run(*pytest_command, "--tq-missing-baseline=record", cwd=project)
    assert re.search(rf"tinyquant: {models * 6} new =", recorded)
    assert re.search(rf"^baselines written: {models * 2} of {models * 2} changed$", recorded, re.M)
    verdicts = run(*pytest_command, cwd=project)
    assert re.search(rf"tinyquant: {models * 6} ok =", verdicts)
    baseline = project / "baselines" / "nucleo-l4r5zi" / "emulator" / "foreign-int8-only.json"
    text = baseline.read_text()
    baseline.write_text(re.sub(r'("invoke": \{[^}]*"value": )\d+', r"\g<1>1", text))
    regressed = run(*pytest_command, cwd=project, status=1)
    assert f"tinyquant: 1 regressed, {models * 6 - 1} ok =" in regressed
