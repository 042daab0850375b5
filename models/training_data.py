"""The data sets of the zoo: what trains a model, what calibrates it and what checks it.

Everything here is reproducible without a network: synthetic, or made from images that scikit-learn
and scikit-image carry in their wheels. Only ``train.py`` needs this module; at run time the small
files in ``data/`` are enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


CALIBRATION_SAMPLES = 200
CHECK_SAMPLES = 50

SEED = 42
TEST_FRACTION = 0.2
CLASSES = 10
PATCH = 32

# Ten colour photographs, by package; their order is the class number.
PHOTOGRAPHS = {
    "skimage": (
        "astronaut.png",
        "chelsea.png",
        "coffee.png",
        "hubble_deep_field.jpg",
        "ihc.png",
        "motorcycle_left.png",
        "retina.jpg",
        "rocket.jpg",
    ),
    "sklearn": ("china.jpg", "flower.jpg"),
}
PATCHES_PER_PHOTOGRAPH = 250
# Standard deviation (of 255) below which a patch is plain sky, space or border.
MIN_PATCH_DEVIATION = 6.0

Array = NDArray[Any]


@dataclass(frozen=True)
class Dataset:
    """Samples and their targets; `features` * `scale` is what a model sees.

    `features` is float32 [n, *sample] with a scale of 1, or uint8 [n, *sample] with one of 1/255.
    `targets` is float32 [n, 1] for regression and int64 [n] for classification.
    """

    train_features: Array
    train_targets: Array
    test_features: Array
    test_targets: Array
    scale: float = 1.0

    @property
    def calibration(self) -> Array:
        """Samples for the converter's representative data set, from the training part."""
        return self.train_features[:CALIBRATION_SAMPLES]

    @property
    def check(self) -> Array:
        """Samples on which outputs are compared, from the test part."""
        return self.test_features[:CHECK_SAMPLES]

    @property
    def check_labels(self) -> Array:
        """What the samples of :attr:`check` really are."""
        return self.test_targets[:CHECK_SAMPLES]

    def scaled(self, features: Array) -> Array:
        """Return `features` as the float32 values that a model sees."""
        return features.astype(np.float32) * np.float32(self.scale)


def split(features: Array, targets: Array, scale: float = 1.0) -> Dataset:
    """Drop repeated samples, shuffle and set a part aside for testing."""
    flat = features.reshape(len(features), -1)
    _, first = np.unique(flat, axis=0, return_index=True)
    order = np.random.default_rng(SEED).permutation(np.sort(first))
    tests = round(len(order) * TEST_FRACTION)
    test, train = order[:tests], order[tests:]
    return Dataset(features[train], targets[train], features[test], targets[test], scale)


def sine() -> Dataset:
    """Uniform x in [0, 2 pi), y = sin(x) / 2 + 0.5."""
    x = np.random.default_rng(SEED).uniform(0.0, 2.0 * np.pi, (5000, 1))
    return split(x.astype(np.float32), (np.sin(x) / 2.0 + 0.5).astype(np.float32))


def teacher(features: int) -> Dataset:
    """Uniform features in [0, 1), labelled by a hidden linear teacher.

    The study drew the labels at random, which nothing can learn; with a teacher the error of a
    trained network means something.
    """
    rng = np.random.default_rng(SEED)
    x = rng.random((10000, features), dtype=np.float32)
    weights = rng.standard_normal((features, CLASSES))
    return split(x, np.argmax((x - 0.5) @ weights, axis=1))


def housing() -> Dataset:
    """Thirteen correlated, z-scored features and a price, in place of the Boston data.

    The features come from four hidden factors, some of them skewed; the price is a saturating
    function of the factors around 22.5 with a spread of about 9, as in the original.
    """
    rng = np.random.default_rng(SEED)
    factors = rng.standard_normal((2500, 4))
    x = factors @ rng.standard_normal((4, 13)) + 0.5 * rng.standard_normal((2500, 13))
    x[:, :4] = np.exp(0.5 * x[:, :4])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = np.tanh(factors[:, 0]) + 0.5 * factors[:, 1] * factors[:, 2] + 0.3 * factors[:, 3]
    y = 22.5 + 9.0 * (y + 0.1 * rng.standard_normal(2500)) / y.std()
    return split(x.astype(np.float32), y[:, None].astype(np.float32))


def digits() -> Dataset:
    """Scikit-learn's 8x8 handwritten digits, enlarged to 28x28x1."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = enlarge(data.images * (255.0 / 16.0), 28)
    return split(images[..., None], data.target.astype(np.int64), 1.0 / 255.0)


def enlarge(images: Array, size: int) -> Array:
    """Resize square images [n, k, k] to uint8 [n, size, size] bilinearly, pixel centres aligned."""
    old = images.shape[1]
    position = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0.0, old - 1.0)
    below = np.minimum(position.astype(int), old - 2)
    weights = np.zeros((size, old))
    weights[np.arange(size), below] = 1.0 - (position - below)
    weights[np.arange(size), below + 1] = position - below
    return np.rint(weights @ images @ weights.T).astype(np.uint8)


def photographs() -> Dataset:
    """Patches of 32x32x3 from ten photographs, labelled by photograph; no two share a pixel."""
    rng = np.random.default_rng(SEED)
    patches, labels = [], []
    for label, image in enumerate(read_photographs()):
        found = textured_patches(image)
        chosen = rng.permutation(len(found))[:PATCHES_PER_PHOTOGRAPH]
        patches.append(found[chosen])
        labels.append(np.full(len(chosen), label))
    return split(np.concatenate(patches), np.concatenate(labels), 1.0 / 255.0)


def read_photographs() -> list[Array]:
    """Read the photographs, uint8 [height, width, 3], in the order of their classes."""
    import skimage
    import sklearn.datasets
    from skimage.io import imread

    folders = {
        "skimage": Path(skimage.__file__).parent / "data",
        "sklearn": Path(sklearn.datasets.__file__).parent / "images",
    }
    files = [folders[package] / name for package, names in PHOTOGRAPHS.items() for name in names]
    return [np.asarray(imread(file))[..., :3] for file in files]


def textured_patches(image: Array) -> Array:
    """Cut `image` into patches that do not overlap and leave out the plain ones."""
    rows, columns = image.shape[0] // PATCH, image.shape[1] // PATCH
    grid = image[: rows * PATCH, : columns * PATCH].reshape(rows, PATCH, columns, PATCH, 3)
    patches = grid.swapaxes(1, 2).reshape(-1, PATCH, PATCH, 3)
    textured: Array = patches[patches.std(axis=(1, 2, 3)) >= MIN_PATCH_DEVIATION]
    return textured


def mnist() -> Dataset:
    """Handwritten digits 28x28x1, from Keras."""
    import keras

    return _original_images(keras.datasets.mnist.load_data(), (28, 28, 1))


def cifar10() -> Dataset:
    """Photographs of ten kinds of things 32x32x3, from Keras."""
    import keras

    return _original_images(keras.datasets.cifar10.load_data(), (32, 32, 3))


def boston_housing() -> Dataset:
    """Boston house prices, 13 features z-scored, from Keras."""
    import keras

    (x, y), (test_x, test_y) = keras.datasets.boston_housing.load_data()
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    return Dataset(
        ((x - mean) / deviation).astype(np.float32),
        y[:, None].astype(np.float32),
        ((test_x - mean) / deviation).astype(np.float32),
        test_y[:, None].astype(np.float32),
    )


def _original_images(parts: Any, shape: tuple[int, ...]) -> Dataset:
    (x, y), (test_x, test_y) = parts
    return Dataset(
        x.reshape(-1, *shape),
        y.reshape(-1).astype(np.int64),
        test_x.reshape(-1, *shape),
        test_y.reshape(-1).astype(np.int64),
        1.0 / 255.0,
    )


DATASETS: dict[str, Callable[[], Dataset]] = {
    "sine": sine,
    "teacher_50": lambda: teacher(50),
    "teacher_128": lambda: teacher(128),
    "housing": housing,
    "digits": digits,
    "photographs": photographs,
}

# What the study trained on, for the sets that stand in for something.
ORIGINALS: dict[str, Callable[[], Dataset]] = {
    "housing": boston_housing,
    "digits": mnist,
    "photographs": cifar10,
}
