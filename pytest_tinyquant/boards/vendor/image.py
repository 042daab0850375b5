"""What a board of kind ``command`` is given: a model with all that its tool reported of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import ReportedImage
from pytest_tinyquant.boards.vendor.command import Commands
from pytest_tinyquant.boards.vendor.parser import parser_of
from pytest_tinyquant.boards.vendor.report import ToolReport
from pytest_tinyquant.boards.vendor.report import ToolRun
from pytest_tinyquant.boards.vendor.report import Unreadable
from pytest_tinyquant.boards.vendor.runtime import mixture
from pytest_tinyquant.errors import EstimateError
from pytest_tinyquant.errors import located
from pytest_tinyquant.metrics.built_in import ERROR
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.scratch import scratch_directory


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_tinyquant.project.case import Checked

REFERENCE: Final = (
    "reference, not executed: TensorFlow Lite Micro computed the outputs on this computer; the "
    "tool gives none without a command 'validate'"
)

_NOT_EXECUTED: Final = "; outputs: reference, not executed"
_ENTRY: Final = "report.json"


@dataclass(frozen=True)
class Reporter:
    """Asks one board's tool about models.

    :param timeout: seconds that one command may take where the tool's table says nothing.
    """

    cache: Cache
    timeout: float

    def image(self, case: Checked, image: HostImage) -> ReportedImage:
        """Return a model with its tool's figures.

        What a board measured is never kept in the cache: it is measured again each time. Nor is
        what a service says, which may be another one tomorrow.

        :raises EstimateError: the report cannot be read, or lacks a metric of the board.
        """
        tool = case.board.tool
        assert tool is not None, "checked when boards.toml was read"
        commands = Commands(case.board.name, tool, self.timeout)
        version = commands.version()
        if tool.measures or not tool.cache:
            report = self._asked(case, image, commands, version)
        else:
            report = self._kept(case, image, commands, version)
        missing = [m for m in case.board.metrics if m != ERROR.name and m not in report.figures]
        if missing:
            raise EstimateError(
                f"{case.name}: {version} reported no {missing[0]}; it reported "
                f"{', '.join(report.figures) or 'nothing'}. Take {missing[0]} out of the board's "
                "metrics in boards.toml, or give its tool a command that reports it"
            )
        remark = "; ".join(filter(None, (report.remark, mixture(case.graph))))
        remarks = {metric: remark for metric in report.figures if remark}
        if not report.outputs:
            remarks[ERROR.name] = REFERENCE
        return ReportedImage(
            image.tflite,
            image.samples,
            image.steps,
            tool=version,
            settings=tool.settings + ("" if report.outputs else _NOT_EXECUTED),
            figures=report.figures,
            remarks=remarks,
            clock_hz=case.board.clock_hz or None,
            outputs=report.outputs,
        )

    def _kept(
        self, case: Checked, image: HostImage, commands: Commands, version: str
    ) -> ToolReport:
        """Return what the tool says, from the cache if it was asked before."""
        from pytest_tinyquant.system.digests import code_digest

        def build(output: Path) -> None:
            report = self._asked(case, image, commands, version)
            (output / _ENTRY).write_text(json.dumps(report.to_json()), encoding="utf-8")

        key = Cache.key(
            image.tflite,
            [*image.samples],
            [*map(list, commands.tool.commands.items())],
            commands.tool.settings,
            [*map(list, commands.tool.values)],
            [*map(list, commands.tool.variables)],
            commands.tool.parser,
            commands.digest(),
            version,
            code_digest("boards", "metrics"),
        )
        entry = self.cache.entry("vendor", key, build)
        return ToolReport.from_json(json.loads((entry / _ENTRY).read_text("utf-8")))

    def _asked(
        self, case: Checked, image: HostImage, commands: Commands, version: str
    ) -> ToolReport:
        """Run the tool and read its report."""
        from pytest_tinyquant.models.quantize import split_samples

        inputs = [case.graph.tensors[index] for index in case.graph.inputs]
        parser = parser_of(commands.tool)
        with scratch_directory() as scratch:
            places = _places(scratch, image.tflite.read_bytes())
            _write_samples(Path(places["samples"]), split_samples(image.samples, inputs))
            said = commands.run(places, scratch, where=case.name)
            run = ToolRun(
                said,
                Path(places["output"]),
                commands.tool.measures,
                [case.graph.tensors[index] for index in case.graph.outputs],
                len(image.samples),
            )
            try:
                with located(case.name):
                    report = parser.read(run)
            except Unreadable as error:
                raise EstimateError(
                    f"{case.name}: the report of {version} cannot be used: {error}. Reports of "
                    f"{parser.known} are known here; nothing of this one was kept"
                ) from error
        _check_version(report, version, case.name)
        return report


def _places(scratch: Path, model: bytes) -> dict[str, str]:
    """Make the directories and files that placeholders stand for; return their paths."""
    output, work = scratch / "output", scratch / "work"
    output.mkdir()
    work.mkdir()
    file = scratch / "model.tflite"
    file.write_bytes(model)
    return {
        "model": str(file),
        "samples": str(scratch / "samples.npz"),
        "output": str(output),
        "work": str(work),
    }


def _write_samples(file: Path, arrays: list[NDArray[np.generic]]) -> None:
    """Write the check samples as ``m_inputs_1`` and so on, in the types that the model takes."""
    import numpy as np

    named: dict[str, Any] = {f"m_inputs_{n}": array for n, array in enumerate(arrays, 1)}
    np.savez(file, **named)


def _check_version(report: ToolReport, version: str, name: str) -> None:
    """Check that the tool that was asked wrote the report."""
    if report.version and report.version.split()[0] not in version:
        raise EstimateError(
            f"{name}: the report is of version {report.version}, but the tool calls itself "
            f"{version!r}; another version wrote it. Correct the commands in boards.toml"
        )
