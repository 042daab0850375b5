"""What a converted model and a reference output depend on.

Whoever adds an input adds it to its table here, and tests/attacks/test_keys.py fails until a row
there changes it and sees another key.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.system.digests import code_digest
from pytest_tinyquant.system.digests import declared_key
from pytest_tinyquant.system.packages import package_digest


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.schemes.settings import Scheme


#: Inputs of a model under a scheme.
CONVERSION_INPUTS: Final[Mapping[str, str]] = {
    "converter": "names and versions of what converts, which its record tells",
    "packages": "contents of the packages that convert",
    "python": "the interpreter's version",
    "code": "this package's code that calls them",
    "dense_per_channel": "as the model says",
    "kind": "of the model's file",
    "scheme": "all settings of the scheme",
    "source_sha256": "the model's file, settings and calibration samples",
}

#: Inputs of what a float model or an interpreter computes: a reference, outputs, layers.
OUTPUT_INPUTS: Final[Mapping[str, str]] = {
    "what": "which outputs of which kernels",
    "witness": "name and version of what computes",
    "packages": "contents of the packages that compute",
    "python": "the interpreter's version",
    "code": "this package's code that calls them",
    "source": "the model's file",
    "samples": "values and shapes of the check samples",
}

#: Rooms whose code makes these results.
CODE: Final = ("schemes", "models")

#: Packages whose code does.
TENSORFLOW: Final = ("tensorflow", "keras", "numpy", "ml_dtypes", "h5py")
LITERT: Final = ("ai_edge_litert", "numpy")
QUANTIZER: Final = ("litert_quantizer",)
COMPRESSION: Final = ("tensorflow_model_optimization", "tf_keras")
ONNX: Final = ("onnx", "onnxruntime")
TORCH: Final = ("torch", "litert_torch", "litert_converter")


def conversion_inputs(model: Model, scheme: Scheme, converter: str) -> dict[str, Any]:
    """Return the values of :data:`CONVERSION_INPUTS`.

    :param converter: names and versions of what converts.
    """
    packages: tuple[str, ...] = ()
    if model.kind != "tflite":
        packages = TENSORFLOW
        packages += QUANTIZER if scheme.rules else ()
        packages += COMPRESSION if scheme.steps else ()
        packages += ONNX if model.kind == "onnx" else ()
        packages += TORCH if model.kind == "torch" else ()
    return {
        "converter": converter,
        "packages": {name: package_digest(name) for name in packages},
        "python": sys.version,
        "code": code_digest(*CODE),
        "dense_per_channel": model.dense_per_channel,
        "kind": model.kind,
        "scheme": scheme.content(),
        "source_sha256": model.source_sha256,
    }


def output_key(
    what: Sequence[str | int],
    version: str,
    source: str,
    samples: Sequence[Any],
    packages: Sequence[str],
) -> str:
    """Return the key of what is computed from samples; see :data:`OUTPUT_INPUTS`.

    :param version: name and version of what computes.
    :param source: digest of the model's file.
    :param samples: one array per input.
    :param packages: importable names of what computes.
    """
    inputs = {
        "what": list(what),
        "witness": version,
        "packages": {name: package_digest(name) for name in packages},
        "python": sys.version,
        "code": code_digest(*CODE),
        "source": source,
        "samples": [part for a in samples for part in (str(a.dtype), str(a.shape), a.tobytes())],
    }
    return declared_key(OUTPUT_INPUTS, inputs)
