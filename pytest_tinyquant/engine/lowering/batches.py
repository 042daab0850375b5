"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND."""

from __future__ import annotations

import math

from pytest_tinyquant.engine import quantization as q
from pytest_tinyquant.engine.kernel_call import KernelCall
from pytest_tinyquant.engine.kernel_call import Value
from pytest_tinyquant.engine.lowering.context import Lowering
from pytest_tinyquant.engine.lowering.context import check_shape
from pytest_tinyquant.engine.lowering.gathering import check_places
from pytest_tinyquant.engine.lowering.gathering import map_copy
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.graph import BITS
from pytest_tinyquant.models.graph import Operator
from pytest_tinyquant.models.graph import Tensor


def space_to_batch(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower SPACE_TO_BATCH_ND over one or two axes."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    lowering.suffix(operator, source, output)
    blocks, pads = _blocks(operator, lowering, source)
    sizes = [
        (size + sum(pad)) // block
        for size, pad, block in zip(source.shape[1:], pads, blocks, strict=False)
    ]
    inner = source.shape[1 + len(blocks) :]
    check_shape(output, (source.shape[0] * math.prod(blocks), *sizes, *inner))
    lead = 2 - len(blocks)
    height, width = (1,) * lead + source.shape[1 : 1 + len(blocks)]
    rows, columns = [1] * lead + sizes
    block_height, block_width = [1] * lead + blocks
    fill = 0 if source.dtype == "float32" else q.zero_point(source)
    fields: dict[str, Value] = {
        "input": lowering.address(source),
        "output": lowering.address(output),
        "batches": source.shape[0],
        "height": height,
        "width": width,
        "output_height": rows,
        "output_width": columns,
        "block_height": block_height,
        "block_width": block_width,
        "pad_top": 0 if lead else pads[0][0],
        "pad_left": pads[-1][0],
        "bytes": math.prod(inner) * BITS[source.dtype] // 8,
        "fill": fill,
    }
    return KernelCall(
        "tq_space_to_batch", "tq_space_to_batch_params", fields,
        lowering.reads(source), (output.index,),
    )  # fmt: skip


def batch_to_space(operator: Operator, lowering: Lowering) -> KernelCall:
    """Lower BATCH_TO_SPACE_ND over one or two axes."""
    source, output = lowering.source(operator, 0), lowering.output(operator)
    lowering.suffix(operator, source, output)
    check_places(operator, lowering)
    blocks, crops = _blocks(operator, lowering, source)
    batches, left = divmod(source.shape[0], math.prod(blocks))
    if left:
        raise ModelError(f"{source.shape[0]} batches are no multiple of its blocks")
    sizes = [
        size * block - sum(crop)
        for size, crop, block in zip(source.shape[1:], crops, blocks, strict=False)
    ]
    inner = source.shape[1 + len(blocks) :]
    check_shape(output, (batches, *sizes, *inner))
    run = math.prod(inner)
    image = math.prod(source.shape[1:])
    steps = [run * math.prod(source.shape[2 + i : 1 + len(blocks)]) for i in range(len(blocks))]
    maps = [[batch * image for batch in range(batches)]]
    for i, (size, block, crop) in enumerate(zip(sizes, blocks, crops, strict=True)):
        inside = batches * math.prod(blocks[i + 1 :]) * image
        places = [divmod(position + crop[0], block) for position in range(size)]
        maps.append([at * steps[i] + offset * inside for at, offset in places])
    return map_copy(lowering, source, output, maps, run)


def _blocks(
    operator: Operator, lowering: Lowering, source: Tensor
) -> tuple[list[int], list[list[int]]]:
    """Return the blocks, and what is added or cut before and behind, per axis."""
    blocks = lowering.integers(operator, lowering.source(operator, 1), "block shape")
    edges = lowering.integers(operator, lowering.source(operator, 2), "padding")
    if len(blocks.shape) != 1 or not 1 <= len(blocks) <= 2 or edges.shape != (len(blocks), 2):
        raise lowering.unsupported(operator, source.dtype, "it works on one or two axes")
    if len(source.shape) < 1 + len(blocks) or (blocks < 1).any() or (edges < 0).any():
        raise ModelError(f"its blocks are {blocks.tolist()}, its edges {edges.tolist()}")
    return blocks.tolist(), edges.tolist()
