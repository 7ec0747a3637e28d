"""What is measured: optplug.torch, which is "ours" here, against what a user of PyTorch could take instead."""

from step.cases import (
    ADAM,
    ADAMW,
    LOOKAHEAD_5,
    LOOKAHEADS,
    RESNET18,
    SGD,
    SMALL,
    TORCH,
    TORCH_FUSED,
    Case,
    Task,
    Tensors,
    entries,
)

# A step over these is nothing but calls.
DOTS = Tensors("dots", "62 tensors of one element", [[1]] * len(RESNET18.shapes))


def single(tensors: Tensors, task: Task) -> Case:
    return Case(f"{tensors.name}/{task.name}", tensors, entries(task, *TORCH))


def lookahead(tensors: Tensors) -> Case:
    """Over Adam for all of them, so that equal bits can be asked for."""
    alone, over = entries(ADAM, TORCH_FUSED), entries(LOOKAHEAD_5, *LOOKAHEADS)
    return Case(f"{tensors.name}/lookahead", tensors, alone + over)


CASES = tuple(
    case
    for tensors in (RESNET18, SMALL)
    for case in (single(tensors, SGD), single(tensors, ADAM), single(tensors, ADAMW), lookahead(tensors))
)

# Where the time outside the library's call is measured.
CALLS = tuple((tensors, task) for tensors in (DOTS, RESNET18, SMALL) for task in (SGD, ADAM, LOOKAHEAD_5))
