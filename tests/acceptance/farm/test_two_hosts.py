"""A farm of two hosts: network namespaces of this computer with an exporter and boards each."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from emulated_farm import HARDWARE

from pytest_tinyquant.boards.farm.client import Client


if TYPE_CHECKING:
    from emulated_farm import Farm

    from tests.acceptance.conftest import RealProject
    from tests.acceptance.farm.conftest import AddRows
    from tests.acceptance.farm.conftest import StartRun


# Fails on a second holder of a probe, whichever run it is of, and logs who held which from when on.
WATCH = """
import contextlib, json, os, time
from pathlib import Path
from pytest_tinyquant.boards.bench.pool import Pool

ROOT = Path(__file__).parent
hold = Pool.hold

@contextlib.contextmanager
def watched(self, boards, **options):
    with hold(self, boards, **options) as lease:
        name, start = lease.physical.probe.replace(":", "_"), time.monotonic()
        os.close(os.open(ROOT / name, os.O_CREAT | os.O_EXCL))
        try:
            yield lease
        finally:
            os.unlink(ROOT / name)
            entry = (name, os.environ["RUN"], options["test"], start, time.monotonic())
            with (ROOT / "leases.log").open("a") as log:
                log.write(json.dumps(entry) + "\\n")

Pool.hold = watched
"""


@pytest.fixture
def farm(farm_of_two_hosts: Farm) -> Farm:
    return farm_of_two_hosts


@pytest.fixture
def project(project_with: AddRows) -> RealProject:
    # Held for one measurement, so that six rows of two runs share three places.
    return project_with(3, hold="measurement")


def test_two_runs_of_four_workers_share_three_boards_of_two_hosts(
    project: RealProject,
    farm: Farm,
    start_run: StartRun,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project.run(*HARDWARE, "--tq-missing-baseline=record").assert_outcomes(passed=16)
    assert farm.held() == []
    project.pytester.makeconftest(WATCH)
    # One number that both runs must find wrong, and no other.
    baseline = project.root / "baselines/bench-m4/hardware/fc_2-int8.json"
    document = json.loads(baseline.read_text())
    document["metrics"]["latency"]["invoke"]["value"] -= 1
    baseline.write_text(json.dumps(document))
    runs = {}
    for name in ("one", "two"):
        monkeypatch.setenv("RUN", name)
        runs[name] = start_run("-n4", "--dist=worksteal", "-v", "-p", "no:cacheprovider")
    for output in [process.communicate()[0] for process in runs.values()]:
        failed = set(re.findall(r"FAILED test_matrix.py::(\S+)", output))
        assert failed == {"test_latency[fc_2-int8-bench-m4]"}, output
        assert re.search(r"= tinyquant: 1 regressed, 15 ok =", output), output
    assert farm.held() == []
    entries = [json.loads(line) for line in (project.root / "leases.log").read_text().splitlines()]
    for run in runs:
        assert len({test for _, by, test, _, _ in entries if by == run}) == 4, "none starves"
    for probe in {probe for probe, *_ in entries}:
        times = sorted((start, end) for name, _, _, start, end in entries if name == probe)
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(times))
    assert len({probe for probe, *_ in entries}) >= 2, "boards were used at once"


def test_a_lost_network_is_an_error_of_the_bench_and_passes(
    project: RealProject, farm: Farm
) -> None:
    one = (*HARDWARE, "--model=fc_1", "-k", "test_error and int8-only")
    project.run(*one, "--tq-missing-baseline=record").assert_outcomes(passed=1)
    somebody = Client("somebody")
    for place in ("host0-p0", "host0-p1"):  # so that the board of the other host is the only one
        somebody.call("-p", place, "acquire")
    link = farm.hosts[1].link
    subprocess.run(["ip", "link", "set", link, "down"], check=True, timeout=60)
    result = project.run(*one, "--tq-lease-timeout=90")
    subprocess.run(["ip", "link", "set", link, "up"], check=True, timeout=60)
    # An exporter ends when it has lost its coordinator, and whoever looks after it starts it again.
    farm.parts["host1"].kill()
    farm.parts["host1"].wait()
    farm.export()
    result.assert_outcomes(errors=1)
    assert re.search(
        r"(Farm|Debugger|Console|BoardBusy|Bench|BoardNotFound)Error: ", result.stdout.str()
    )
    assert len(farm.held()) == 2, "the run gave back what it held"
    project.run(*one).assert_outcomes(passed=1)
