"""Parameters and gradients as torch tensors, for every peer that is a torch.optim.Optimizer."""

import math
import os
from collections.abc import Callable, Iterable
from typing import Any

import torch

from step.peers.inputs import Floats, fill_gradients, fill_parameters
from step.peers.serve import Case

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

Parameters = list[torch.nn.Parameter]


class TorchModel:
    """A list of parameters with gradients, and the optimizer that steps them."""

    def __init__(self, case: Case, make: Callable[[Parameters], torch.optim.Optimizer]) -> None:
        self.clip = case["clip"]
        self.parameters: Parameters = []
        self.gradients: list[torch.Tensor] = []
        self.starts: list[int] = []
        start = 0
        for shape in case["tensors"]:
            parameter = torch.nn.Parameter(torch.empty(shape))
            gradient = parameter.grad = torch.empty(shape)
            fill_parameters(flat(parameter), start)
            self.parameters.append(parameter)
            self.gradients.append(gradient)
            self.starts.append(start)
            start += math.prod(shape)
        self.restore_gradients()
        self.optimizer = make(self.parameters)

    def step(self) -> None:
        if self.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
        self.optimizer.step()

    def restore_gradients(self) -> None:
        for gradient, start in zip(self.gradients, self.starts):
            fill_gradients(flat(gradient), start)

    def values(self) -> Iterable[Floats]:
        return map(flat, self.parameters)


def flat(tensor: torch.Tensor) -> Floats:
    """The same memory as a NumPy array."""
    return tensor.detach().view(-1).numpy()


def adam_arguments(case: Case) -> dict[str, Any]:
    """Hyperparameters as torch.optim.Adam and those modelled on it call them."""
    given = case["hyperparameters"]
    arguments: dict[str, Any] = {"lr": given["lr"], "betas": (given["beta1"], given["beta2"]), "eps": given["eps"]}
    if "weight_decay" in given:
        arguments["weight_decay"] = given["weight_decay"]
    return arguments


def fused_adam(parameters: Parameters, case: Case) -> torch.optim.Optimizer:
    """The base of every Lookahead."""
    return torch.optim.Adam(parameters, **adam_arguments(case), fused=True)
