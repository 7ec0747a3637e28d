"""optplug.torch as the step benchmark's workers have it, and how much of a step lies outside the library."""

import time
from typing import Any

import optplug
import optplug.torch
import torch
from optplug import _library
from step.peers.serve import Case
from step.peers.torch_model import Parameters, TorchModel, adam_arguments

VERSION = f"{optplug.__version__} in torch {torch.__version__}"
IMPLEMENTATIONS = ("optplug",)


def prepare(implementation: str, case: Case) -> TorchModel:
    given = case["hyperparameters"]

    def make(parameters: Parameters) -> torch.optim.Optimizer:
        match case["optimizer"]:
            case "sgd":
                return optplug.torch.SGD(
                    parameters, lr=given["lr"], momentum=given["momentum"], nesterov=bool(given["nesterov"])
                )
            case "adam":
                return optplug.torch.Adam(parameters, **adam_arguments(case))
            case "adamw":
                return optplug.torch.AdamW(parameters, **adam_arguments(case))
            case "lookahead-adam":
                base = optplug.torch.Adam(parameters, **adam_arguments(case))
                return optplug.torch.Lookahead(base, k=int(given["k"]), alpha=given["alpha"])
            case other:
                raise ValueError(f"optplug.torch has no {other}")

    return TorchModel(case, make)


def step_inside(prepared: TorchModel, count: int) -> dict[str, float]:
    """Seconds of so many steps, and those of them that the library's own function took."""
    library = _library.library()
    call, clock = library.step, time.perf_counter
    inside, calls = 0.0, 0

    def timed(*arguments: Any) -> int:
        nonlocal inside, calls
        start = clock()
        status = call(*arguments)
        inside += clock() - start
        calls += 1
        return status

    library.step = timed
    try:
        start = clock()
        for _ in range(count):
            prepared.step()
        seconds = clock() - start
    finally:
        library.step = call
    if calls != count:
        raise RuntimeError(f"{count} steps called the library {calls} times")
    return {"seconds": seconds, "inside": inside}
