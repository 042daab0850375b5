"""PyTorch models as a user's project has them: a module with a factory, and exported programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


#: A module of a user's project; ``make`` reads weights from a file beside it.
NETS = '''
from pathlib import Path

import numpy as np
import torch
from torch import nn


class Small(nn.Module):
    """Convolution with batch normalization, depthwise convolution, a branch, a dense layer."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU6())
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(8 * 5 * 5, 4)

    def forward(self, x):
        y = self.first(x)
        y = self.pool(y + self.second(y))
        return self.head(y.flatten(1)).softmax(1)


def make():
    torch.manual_seed(3)
    net = Small()
    norm = net.first[1]
    norm.running_mean.uniform_(-0.3, 0.3)
    norm.running_var.uniform_(0.5, 2)
    return net


def with_weights():
    net = make()
    scale = np.load(Path(__file__).with_name("scale.npy"))
    with torch.no_grad():
        net.head.weight.mul_(float(scale))
    return net


def no_module():
    return 3


def failing():
    raise RuntimeError("the weights are gone")


class Masks(nn.Module):
    def forward(self, x):
        return x > 0


def masks():
    return Masks()


def sequence():
    torch.manual_seed(4)
    return nn.Sequential(nn.Conv1d(3, 6, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(60, 2))


def image():
    """An image out, so that its channels move."""
    torch.manual_seed(5)
    return nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU())
'''

SHAPE = "[2, 10, 10]"

_EXPORT = """
import sys
import torch
sys.path.insert(0, sys.argv[1])
import nets
n = int(sys.argv[3])
dynamic = ({0: torch.export.Dim("batch")},) if n == 2 else None
sample = torch.rand(n, 2, 10, 10).to(getattr(torch, sys.argv[4]))
net = nets.make().eval().to(sample.dtype)
torch.export.save(torch.export.export(net, (sample,), dynamic_shapes=dynamic), sys.argv[2])
"""


def write_nets(folder: Path) -> Path:
    """Write the module ``nets`` into `folder` and return its file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "nets.py"
    file.write_text(NETS)
    return file


def write_program(folder: Path, *, batch: int = 1, dtype: str = "float32") -> Path:
    """Export ``nets.make`` into a ``.pt2``; a batch of 2 is left open."""
    write_nets(folder)
    file = folder / "small.pt2"
    command = [sys.executable, "-c", _EXPORT, str(folder), str(file), str(batch), dtype]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return file


def write_factory(folder: Path, function: str = "make", shape: str = SHAPE, more: str = "") -> Path:
    """Write a ``.toml`` that names a function of ``nets`` and return it."""
    write_nets(folder)
    file = folder / f"{function}.toml"
    file.write_text(f'torch = "nets:{function}"\ninput_shape = {shape}\n{more}')
    return file
