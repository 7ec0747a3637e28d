"""pytorch-optimizer's Lookahead over torch.optim.Adam(fused=True)."""

from importlib.metadata import version

from pytorch_optimizer import Lookahead

from step.peers.serve import Case
from step.peers.torch_model import TorchModel, fused_adam

VERSION = version("pytorch-optimizer")
IMPLEMENTATIONS = ("Lookahead",)


def prepare(implementation: str, case: Case) -> TorchModel:
    given = case["hyperparameters"]
    return TorchModel(
        case, lambda parameters: Lookahead(fused_adam(parameters, case), k=int(given["k"]), alpha=given["alpha"])
    )
