"""torch.optim's SGD, Adam and AdamW in their three variants; the for-loop is the default on a CPU."""

from typing import Any

import torch

from step.peers.serve import Case
from step.peers.torch_model import Parameters, TorchModel, adam_arguments

VERSION = torch.__version__
VARIANTS: dict[str, dict[str, Any]] = {
    "for-loop": {"foreach": False, "fused": False},
    "foreach": {"foreach": True, "fused": False},
    "fused": {"foreach": False, "fused": True},
}
IMPLEMENTATIONS = tuple(VARIANTS)


def prepare(implementation: str, case: Case) -> TorchModel:
    variant, given = VARIANTS[implementation], case["hyperparameters"]

    def make(parameters: Parameters) -> torch.optim.Optimizer:
        match case["optimizer"]:
            case "sgd":
                return torch.optim.SGD(
                    parameters, lr=given["lr"], momentum=given["momentum"], nesterov=bool(given["nesterov"]), **variant
                )
            case "adam":
                return torch.optim.Adam(parameters, **adam_arguments(case), **variant)
            case "adamw":
                return torch.optim.AdamW(parameters, **adam_arguments(case), **variant)
            case other:
                raise ValueError(f"torch.optim has no {other}")

    return TorchModel(case, make)
