"""Arm's compiler Vela as a child process: what it says of a model for one NPU."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_tinyquant.boards.npu.compiled import read_compiled
from pytest_tinyquant.boards.npu.estimate import NpuEstimate
from pytest_tinyquant.boards.npu.estimate import Refused
from pytest_tinyquant.boards.npu.estimate import read_estimate
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.project.npu import BUILT_IN_CONFIG
from pytest_tinyquant.project.npu import Npu
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.lifetime import die_with_parent
from pytest_tinyquant.system.program import answer_of
from pytest_tinyquant.system.trouble import ending


PACKAGE: Final = "ethos-u-vela"
INSTALL: Final = "install it with: pip install 'pytest-tinyquant[ethos-u]'"

_STEM: Final = "model"
_MODULE: Final = "ethosu.vela"
_OPTION_ERROR: Final = re.compile(r"errors\.(?:CliOptionError|ConfigOptionError): '?(.*?)'?$", re.M)
#: ``Warning (supported operators) operator: NAME, ofm: 'TENSOR'`` and the reason below it.
_REFUSED: Final = re.compile(
    r"^Warning \(supported operators\) operator: (\w+), ofm: '(.*)'\nReason: (.*(?:\n(?!\n).+)*)",
    re.M,
)
# The compiler's allocator counts in double precision; numpy must not start threads for it.
_THREADS: Final = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def version() -> str:
    """Return name and version of the compiler.

    :raises ToolchainNotFoundError: it is not installed.
    """
    try:
        found = importlib.metadata.version(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise ToolchainNotFoundError(f"{PACKAGE} is not installed; {INSTALL}") from None
    if importlib.util.find_spec("ethosu") is None:
        raise ToolchainNotFoundError(f"{PACKAGE} {found} cannot be imported; {INSTALL}")
    return f"{PACKAGE} {found}"


def settings(npu: Npu) -> tuple[str, ...]:
    """Return the options that say for which NPU Vela compiles, as a baseline keeps them.

    A configuration of the user's is named with its digest: what is in it decides.
    """
    config = BUILT_IN_CONFIG
    if npu.config is not None:
        digest = hashlib.sha256(npu.config.read_bytes()).hexdigest()
        config = f"{npu.config.name}:{digest[:12]}"
    return (
        *("--accelerator-config", npu.accelerator, "--config", config),
        *("--system-config", npu.system_config, "--memory-mode", npu.memory_mode),
    )


def require_config(board: str, npu: Npu) -> None:
    """Check that the user's configuration is there, if the board names one.

    :raises ConfigurationError: it is not.
    """
    if npu.config is not None and not npu.config.is_file():
        raise ConfigurationError(
            f"{board}: npu.config: {npu.config} does not exist; correct the path in boards.toml, "
            "or leave it out for the configuration that comes with Vela"
        )


def started() -> str:
    """Return name and version of the compiler, once it said so itself.

    :raises ToolchainNotFoundError: it is not installed, or does not start.
    """
    found = version()
    command = environment.python_command(_MODULE, "--version")
    variables = environment.made_for_python(None, **_THREADS)
    answer_of(command, advice=f"re{INSTALL}", variables=variables)
    return found


def check_settings(board: str, npu: Npu) -> None:
    """Check that the configuration has the board's system and memory mode; compiles nothing.

    :raises ToolchainNotFoundError: Vela is not installed.
    :raises ConfigurationError: it has not.
    """
    version()
    require_config(board, npu)
    sections = _sections(npu)
    wanted = (("System_Config", npu.system_config), ("Memory_Mode", npu.memory_mode))
    for kind, name in wanted:
        if (kind, name) not in sections:
            raise ConfigurationError(
                f"{board}: there is no {kind} {name!r}. Correct the npu table in boards.toml; "
                f"{_known(npu)}"
            )


@dataclass(frozen=True)
class Vela:
    """Vela for one NPU.

    :param board: name of the board, for messages.
    :param timeout: seconds that one compilation may take.
    """

    board: str
    npu: Npu
    timeout: float

    def estimate(self, tflite: Path, work_dir: Path, *, where: str) -> NpuEstimate:
        """Compile a model and return what Vela says of it.

        :param work_dir: an existing, empty directory.
        :raises ToolchainNotFoundError: Vela is not installed.
        :raises ConfigurationError: Vela has no such system configuration or memory mode.
        :raises ConversionError: Vela cannot compile the model.
        """
        version()
        source, out = work_dir / f"{_STEM}.tflite", work_dir / "out"
        shutil.copyfile(tflite, source)
        said = self._compile(source, out, where)
        summaries = sorted(out.glob(f"{_STEM}_summary_*.csv"))
        compiled = out / f"{_STEM}_vela.tflite"
        if len(summaries) != 1 or not compiled.is_file():
            raise self._failure(0, said, where)
        estimate = read_estimate(
            summaries[0].read_text("utf-8"),
            (out / f"{_STEM}_per-layer.csv").read_text("utf-8"),
            refused=[Refused(*found) for found in _REFUSED.findall(said)],
            where=where,
        )
        if not estimate.runs_on_npu:
            return estimate
        return estimate.with_constants(read_compiled(compiled.read_bytes(), where=where))

    def _compile(self, source: Path, out: Path, where: str) -> str:
        """Run Vela and return what it printed."""
        require_config(self.board, self.npu)
        options = list(settings(self.npu))
        if self.npu.config is not None:
            options[options.index("--config") + 1] = str(self.npu.config)
        command = environment.python_command(
            _MODULE, *options, "--verbose-performance", "--output-dir", str(out), str(source)
        )
        try:
            done = subprocess.run(
                [*die_with_parent(), *command],
                capture_output=True,
                text=True,
                timeout=self.timeout,
                check=False,
                env=environment.made_for_python(source.parent, **_THREADS),
            )
        except subprocess.TimeoutExpired:
            raise BenchError(
                f"{where}: Vela did not compile the model in {self.timeout:g} s; run again, or "
                "give it more with --tq-timeout"
            ) from None
        said = done.stdout + done.stderr
        if done.returncode:
            raise self._failure(done.returncode, said, where)
        return done.stdout

    def _failure(self, code: int, said: str, where: str) -> Exception:
        """Return why Vela gave no result."""
        option = _OPTION_ERROR.search(said)
        if option:
            return ConfigurationError(
                f"{self.board}: Vela refuses system_config {self.npu.system_config!r} with "
                f"memory_mode {self.npu.memory_mode!r}: {option[1]}. Correct the npu table in "
                f"boards.toml; {_known(self.npu)}"
            )
        ended = ending(code, said)
        lines = [line for line in said.strip().splitlines() if line.strip()]
        last = "".join(f"\n  {line}" for line in lines[-5:])
        if ended.machine:
            return BenchError(f"{where}: Vela {ended.words}{last}")
        words = ended.words or "wrote no summary"
        return ConversionError(f"{where}: Vela cannot compile this model: it {words}{last}")


def _sections(npu: Npu) -> list[tuple[str, str]]:
    """Return kind and name of each section of a board's configuration."""
    text = (npu.config or built_in_config()).read_text("utf-8", "replace")
    return re.findall(r"^\[(\w+)\.(\w+)\]", text, re.M)


def _known(npu: Npu) -> str:
    """Return which systems and memory modes the configuration has, in words."""
    sections = _sections(npu)
    names = {
        kind: ", ".join(name for section, name in sections if section == kind)
        for kind in ("System_Config", "Memory_Mode")
    }
    return (
        f"{(npu.config or built_in_config()).name} has the systems {names['System_Config']} and "
        f"the memory modes {names['Memory_Mode']}"
    )


def built_in_config() -> Path:
    """Return the configuration that comes with Vela."""
    spec = importlib.util.find_spec("ethosu")
    assert spec is not None and spec.submodule_search_locations, "asked after version()"
    return Path(spec.submodule_search_locations[0]) / "config_files" / BUILT_IN_CONFIG
