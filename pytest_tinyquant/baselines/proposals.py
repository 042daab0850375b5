"""What tests would record, kept until it is known which of them passed.

Several tests judge the same combination, perhaps in several worker processes, and a test may fail
after its baseline was looked at. So nothing is written while tests run: each leaves here what it
judged, and the end of the run records what passed.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.system.atomic import write_text


@dataclass(frozen=True)
class Proposal:
    """One metric that one test judged and would record.

    :param test: the test's id.
    :param path: the baseline's file.
    """

    test: str
    metric: str
    path: Path
    measurement: Measurement


class Proposals:
    """The proposals in ``directory``, which belongs to one run of pytest and all its workers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def add(self, proposal: Proposal) -> None:
        """Keep a proposal; the same test's last one about a metric counts.

        :raises OSError: there is no room for it.
        """
        name = "\0".join((proposal.test, proposal.metric, str(proposal.path)))
        document = {
            "test": proposal.test,
            "metric": proposal.metric,
            "path": str(proposal.path),
            "measurement": proposal.measurement.to_json(),
        }
        file = self.directory / f"{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}.json"
        write_text(file, json.dumps(document))

    def all(self) -> tuple[Proposal, ...]:
        """Return every proposal of this run, from whichever process, by file, metric and test."""
        documents = (
            json.loads(file.read_text(encoding="utf-8")) for file in self.directory.glob("*.json")
        )
        found = (
            Proposal(
                test=document["test"],
                metric=document["metric"],
                path=Path(document["path"]),
                measurement=Measurement.from_json(document["measurement"]),
            )
            for document in documents
        )
        return tuple(sorted(found, key=lambda p: (p.path, p.metric, p.test)))
