"""The host as a device: TensorFlow Lite Micro from the ``tflite-micro`` wheel."""

from __future__ import annotations

import importlib.util
import json
import re
import resource
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import LoadableImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.boards.host.child import EXIT_NO_RUNTIME
from pytest_tinyquant.boards.host.child import EXIT_REFUSED
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import DeviceTimeoutError
from pytest_tinyquant.errors import FlashError
from pytest_tinyquant.errors import InvalidOutputError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.lifetime import die_with_parent
from pytest_tinyquant.system.trouble import Ending
from pytest_tinyquant.system.trouble import ending


if TYPE_CHECKING:
    from numpy.typing import NDArray


ARENA_BYTES = 256 * 1024 * 1024
"""More than any microcontroller has; what is not used costs nothing."""

_STARVED = 0.1
"""Share of its time in which a process was given the processor, below which it waited for it."""

_ARENA_TOTAL = re.compile(r"^\[RecordingMicroAllocator\] Arena allocation total (\d+) bytes", re.M)
_INSTALL = "install it with: pip install 'pytest-tinyquant[emulation]'"
# None is needed.
_THREADS = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class HostDevice:
    """Runs a converted model under TensorFlow Lite Micro in a child process.

    :param name: the board's name, for messages.
    :param work_dir: existing directory for files that live as long as a run.
    :param timeout: seconds a run may take.
    """

    def __init__(self, name: str, *, work_dir: Path, timeout: float) -> None:
        self._name = name
        self._work_dir = work_dir
        self._timeout = timeout
        self._image: HostImage | None = None

    def flash(self, image: LoadableImage | HostImage) -> None:
        """Keep ``image`` for the next run."""
        if not isinstance(image, HostImage):
            raise FlashError(f"{self._name}: runs .tflite files, not {image.elf}")
        if not image.tflite.is_file():
            raise FlashError(f"{self._name}: {image.tflite} does not exist")
        self._image = image

    def run(self) -> RunRecord:
        """Run the model over all samples.

        :raises DeviceHaltedError: TensorFlow Lite Micro refused the model (``kind`` is the call
            that failed) or brought the process down (``abort``).
        :raises DeviceTimeoutError: it did not finish in time.
        :raises BenchError: its process was killed, or lacked memory, disk or the processor.
        """
        image = self._image
        if image is None:
            raise FlashError(f"{self._name}: nothing was put on the device before its run")
        with tempfile.TemporaryDirectory(dir=self._work_dir) as directory:
            log = self._run_child(image, Path(directory), {})
            data = self._outputs(image, Path(directory))
        size, rest = divmod(len(data), max(len(image.samples), 1))
        if size == 0 or rest:
            raise InvalidOutputError(
                f"{self._name}: {image.tflite} gave {len(data)} output bytes for"
                f" {len(image.samples)} samples"
            )
        return RunRecord(
            outputs=tuple(data[start : start + size] for start in range(0, len(data), size)),
            counter=None,
            counter_unit="instructions",
            counter_class="exact",
            op_counters=(),
            walk_counter=0,
            stack_bytes=None,
            arena_bytes=self._arena_bytes(image, log),
            log=log,
        )

    def _outputs(self, image: HostImage, directory: Path) -> bytes:
        """Return the bytes of all outputs, which a run that ended well has written."""
        try:
            return (directory / "outputs").read_bytes()
        except FileNotFoundError:
            raise BenchError(
                f"{self._name}: {image.tflite}: the child process ended as if all were well, and"
                " left no outputs; run again"
            ) from None

    def tensors(self, sample: int = 0) -> dict[int, NDArray[Any]]:
        """Run one sample and return what every operator wrote, by tensor index."""
        import numpy as np

        image = self._image
        if image is None:
            raise FlashError(f"{self._name}: nothing was put on the device before its run")
        only = HostImage(image.tflite, image.samples[sample : sample + 1])
        with tempfile.TemporaryDirectory(dir=self._work_dir) as directory:
            path = Path(directory) / "tensors.npz"
            self._run_child(only, Path(directory), {"tensors": str(path)})
            with np.load(path) as archive:
                return {int(index): archive[index] for index in archive.files}

    def close(self) -> None:
        """Nothing is held between runs."""

    def _run_child(self, image: HostImage, directory: Path, extra: Mapping[str, str]) -> str:
        """Run the child process over ``image`` and return what TensorFlow Lite Micro printed."""
        if importlib.util.find_spec("tflite_micro") is None:
            raise ToolchainNotFoundError(f"{self._name}: tflite-micro is missing; {_INSTALL}")
        (directory / "inputs").write_bytes(b"".join(image.samples))
        files = {name: str(directory / name) for name in ("inputs", "outputs", "refusal")}
        request = {
            "tflite": str(image.tflite),
            "samples": len(image.samples),
            "steps": image.steps,
            "arena_bytes": ARENA_BYTES,
            **files,
            **extra,
        }
        code, log = self._call(request, image)
        if code == 0:
            return log
        ended = ending(code, log)
        if ended.crashed and ending(*self._call(request, image)).crashed != ended.crashed:
            # Only a crash that the model causes happens again.
            once = f"{ended.words}, and not when it was run once more"
            ended = Ending(once, machine=True)
        raise self._failure(code, ended, log, image, directory / "refusal")

    def _call(self, request: Mapping[str, Any], image: HostImage) -> tuple[int, str]:
        """Run the child process; return its exit code and what it printed."""
        command = environment.python_command("pytest_tinyquant.boards.host.child")
        before = _seconds_of_children()
        try:
            done = subprocess.run(
                [*die_with_parent(), *command],
                input=json.dumps(request).encode(),
                capture_output=True,
                timeout=self._timeout,
                check=False,
                env=environment.made_for_python(Path(request["inputs"]).parent, **_THREADS),
            )
        except subprocess.TimeoutExpired:
            taken = _seconds_of_children() - before
            text = (
                f"{self._name}: TensorFlow Lite Micro did not finish {len(image.samples)} samples"
                f" of {image.tflite} in {self._timeout:g} s"
            )
            if taken < _STARVED * self._timeout:
                raise BenchError(
                    f"{text}, for {taken:.1f} s of which it had the processor: it was stopped, or"
                    " this computer has too much to do"
                ) from None
            raise DeviceTimeoutError(text) from None
        return done.returncode, done.stderr.decode(errors="replace")

    def _failure(
        self, code: int, ended: Ending, log: str, image: HostImage, refusal: Path
    ) -> DeviceHaltedError | BenchError:
        said = "".join(f"\n  {line}" for line in log.strip().splitlines()[-20:])
        where = f"{self._name}: {image.tflite}"
        if code == EXIT_REFUSED:
            answer = json.loads(refusal.read_text(encoding="utf-8"))
            return DeviceHaltedError(
                f"{where}: TensorFlow Lite Micro refused the model in {answer['stage']}:"
                f" {answer['reason']}{said}",
                kind=answer["stage"],
            )
        if ended.crashed:
            return DeviceHaltedError(
                f"{where}: TensorFlow Lite Micro {ended.words}{said}", kind="abort"
            )
        if code == EXIT_NO_RUNTIME:
            return ToolchainNotFoundError(
                f"{where}: tflite-micro cannot be loaded; {_INSTALL}{said}"
            )
        return BenchError(f"{where}: the child process {ended.words}{said}")

    def _arena_bytes(self, image: HostImage, log: str) -> int:
        match = _ARENA_TOTAL.search(log)
        if match is None:
            raise BenchError(
                f"{self._name}: {image.tflite}: tflite-micro did not print its arena's size; this"
                f" version of it is not supported\n{log}"
            )
        return int(match[1])


def _seconds_of_children() -> float:
    """Return for how long the processes that this one has waited for had the processor."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
