"""Runs one model under TensorFlow Lite Micro; started by the host device in a process of its own.

TensorFlow Lite Micro ends its process on some errors, and prints what went wrong to the
process's standard error only. The request is a JSON object on standard input; see
:func:`run_request`.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_tinyquant.system.trouble import EXIT_TROUBLE
from pytest_tinyquant.system.trouble import lacking


EXIT_NO_RUNTIME = 3
EXIT_REFUSED = 4


class Refusal(Exception):
    """TensorFlow Lite Micro returned an error; ``stage`` is the call that failed."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(f"{stage}: {reason}")
        self.stage = stage
        self.reason = reason


def main() -> int:
    """Run the request on standard input; returns the exit code."""
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError as error:
        print(error, file=sys.stderr)
        return EXIT_NO_RUNTIME
    request = json.load(sys.stdin)
    try:
        run_request(runtime, request)
    except Refusal as refusal:
        answer = {"stage": refusal.stage, "reason": refusal.reason}
        Path(request["refusal"]).write_text(json.dumps(answer), encoding="utf-8")
        return EXIT_REFUSED
    except Exception as error:
        if not lacking(error):
            raise
        traceback.print_exc()
        return EXIT_TROUBLE
    return 0


def run_request(runtime: Any, request: Mapping[str, Any]) -> None:
    """Run a model over raw input bytes and write the raw output bytes.

    ``request`` names the files ``tflite``, ``inputs`` (the samples in a row) and ``outputs`` (to
    be written, likewise), and gives ``samples``, their number, ``steps``, how many of them make a
    sequence, and ``arena_bytes``. With the file
    ``tensors`` given, the first sample's tensors are written to it too (npz, by tensor index),
    and allocations are not recorded.
    """
    data = Path(request["tflite"]).read_bytes()
    inputs = Path(request["inputs"]).read_bytes()
    preserve = "tensors" in request
    interpreter = _interpreter(runtime, data, request)
    model = runtime.schema_fb.Model.GetRootAsModel(data, 0)
    graph, has_first_values = model.Subgraphs(0), model.SubgraphsLength() > 1
    offset, outputs = 0, bytearray()
    for sample in range(request["samples"]):
        # Models with state forget where a sequence begins. A reset would lose what CALL_ONCE has
        # set.
        begins = sample % request["steps"] == 0
        if begins and not has_first_values:
            interpreter.reset()
        elif begins and sample:
            interpreter = _interpreter(runtime, data, request)
        offset = _set_inputs(interpreter, graph.InputsLength(), inputs, offset)
        try:
            interpreter.invoke()
        except MemoryError:
            raise
        except Exception as error:
            raise Refusal("Invoke", str(error)) from error
        for index in range(graph.OutputsLength()):
            outputs += interpreter.get_output(index).tobytes()
        if preserve and sample == 0:
            _save_tensors(interpreter, graph, request["tensors"])
    if offset != len(inputs):
        raise Refusal("SetInput", f"the inputs take {offset} bytes, the samples {len(inputs)}")
    Path(request["outputs"]).write_bytes(outputs)
    if not preserve:
        interpreter.print_allocations()


def _interpreter(runtime: Any, data: bytes, request: Mapping[str, Any]) -> Any:
    config = runtime.InterpreterConfig
    try:
        return runtime.Interpreter.from_bytes(
            data,
            arena_size=request["arena_bytes"],
            intrepreter_config=(
                config.kPreserveAllTensors if "tensors" in request else config.kAllocationRecording
            ),
        )
    except MemoryError:
        raise  # this computer's; the arena's own is a message of the runtime
    except Exception as error:
        raise Refusal("AllocateTensors", str(error)) from error


def _set_inputs(interpreter: Any, count: int, data: bytes, offset: int) -> int:
    """Fill all inputs from ``data`` at ``offset``; returns the offset of the next sample."""
    import numpy as np

    for index in range(count):
        details = interpreter.get_input_details(index)
        dtype = np.dtype(details["dtype"])
        size = int(np.prod(details["shape"])) * dtype.itemsize
        raw = data[offset : offset + size]
        if len(raw) < size:
            raise Refusal("SetInput", f"input {index} takes {size} bytes, {len(raw)} are left")
        interpreter.set_input(np.frombuffer(raw, dtype).reshape(details["shape"]), index)
        offset += size
    return offset


def _save_tensors(interpreter: Any, graph: Any, path: str) -> None:
    import numpy as np

    indices = {
        int(tensor)
        for number in range(graph.OperatorsLength())
        for tensor in graph.Operators(number).OutputsAsNumpy()
    }
    arrays = {str(index): interpreter.GetTensor(index, 0)["tensor_data"] for index in indices}
    np.savez(path, **arrays)


if __name__ == "__main__":
    sys.exit(main())
