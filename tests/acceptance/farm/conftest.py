"""Farms of emulated boards behind labgrid's own programs, and projects that want their places.

They need programs that CI does not install: labgrid's client (``tinyquant toolchain labgrid``) and
ser2net, so the tests of this folder run in the nightly profile.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Protocol

import pytest
from attack import NIGHTLY
from emulated_farm import HARDWARE
from emulated_farm import ROW
from emulated_farm import THIS_COMPUTER
from emulated_farm import TYPE
from emulated_farm import Farm
from emulated_farm import Host
from emulated_farm import cannot_make_namespaces
from emulated_farm import namespaces

from pytest_tinyquant.boards.farm.client import VARIABLE
from pytest_tinyquant.boards.farm.client import find_program
from pytest_tinyquant.errors import ToolchainNotFoundError


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


class MakeFarm(Protocol):
    """Start a farm, which ends with the test, and name its coordinator in the environment."""

    def __call__(
        self, *, address: str = ..., hosts: tuple[Host, ...] = ..., power: str = ...
    ) -> Farm: ...


@pytest.fixture
def make_farm(
    tmp_path: Path, cache_root: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MakeFarm]:
    if not NIGHTLY:
        pytest.skip("only in the nightly profile")
    monkeypatch.setenv("TINYQUANT_CACHE", str(cache_root))
    try:
        monkeypatch.setenv(VARIABLE, find_program())
    except ToolchainNotFoundError as error:
        pytest.skip(str(error))
    if shutil.which("ser2net") is None:
        pytest.skip("ser2net is not installed: apt-get install ser2net")
    with contextlib.ExitStack() as running:

        def make(
            *,
            address: str = "127.0.0.1",
            hosts: tuple[Host, ...] = (THIS_COMPUTER,),
            power: str = "",
        ) -> Farm:
            made = Farm(tmp_path, address=address, hosts=hosts, power=power)
            running.callback(made.close)
            monkeypatch.setenv("LG_COORDINATOR", made.coordinator)
            made.begin()
            return made

        yield make


@pytest.fixture
def farm(make_farm: MakeFarm) -> Farm:
    """Two boards on the loopback interface."""
    return make_farm()


@pytest.fixture
def farm_of_two_hosts(make_farm: MakeFarm) -> Iterator[Farm]:
    """Three boards on two hosts, which are network namespaces."""
    if why := cannot_make_namespaces():
        pytest.skip(why)
    with namespaces(2, 1) as (address, hosts):
        made = make_farm(address=address, hosts=tuple(hosts))
        yield made
        made.close()


class AddRows(Protocol):
    """Give a project two models, and a bench of so many rows whose places labgrid hands out."""

    def __call__(self, rows: int, *, hold: str = ...) -> RealProject: ...


@pytest.fixture
def project_with(real_project: RealProject) -> AddRows:
    def add(rows: int, *, hold: str = "session") -> RealProject:
        real_project.add_zoo("fc_1", "fc_2")
        text = "".join(ROW.format(n=n + 1) + f'hold = "{hold}"\n' for n in range(rows))
        (real_project.root / "boards.toml").write_text(TYPE + text)
        return real_project

    return add


StartRun = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_run(
    real_project: RealProject, start_process: Callable[..., subprocess.Popen[Any]]
) -> StartRun:
    """Start a run of the project in the background, with these options more."""

    def start(*more: str) -> subprocess.Popen[str]:
        command = (sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", *HARDWARE, *more)
        return start_process(
            command,
            cwd=real_project.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start
