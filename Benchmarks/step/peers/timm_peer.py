"""timm's Lookahead over torch.optim.Adam(fused=True), loaded from its own file since all of timm needs torchvision."""

import importlib.util
from importlib.metadata import version
from pathlib import Path

from step.peers.serve import Case
from step.peers.torch_model import TorchModel, fused_adam

IMPLEMENTATIONS = ("Lookahead",)


def load_lookahead() -> type:
    package = importlib.util.find_spec("timm")
    if package is None or package.origin is None:
        raise ModuleNotFoundError(name="timm")
    path = Path(package.origin).parent / "optim" / "lookahead.py"
    spec = importlib.util.spec_from_file_location("timm_lookahead", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Lookahead


Lookahead = load_lookahead()
VERSION = version("timm")


def prepare(implementation: str, case: Case) -> TorchModel:
    given = case["hyperparameters"]
    return TorchModel(
        case, lambda parameters: Lookahead(fused_adam(parameters, case), k=int(given["k"]), alpha=given["alpha"])
    )
