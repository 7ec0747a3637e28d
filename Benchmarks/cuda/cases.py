"""What is measured on a GPU: tensors, and the optimizers that step them side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from step.cases import RESNET18, SMALL, Tensors

#: 100 million numbers in tensors as large models have them.
LARGE = Tensors("large", "50 tensors, 100 M parameters", [[2_000_000]] * 50)

#: Bytes that a step moves for a parameter in float32: it reads and writes it and two moments, and reads the gradient.
ADAM_BYTES = 28

Make = Callable[[list], Any]


@dataclass(frozen=True)
class Contender:
    """An optimizer by its name, and how it is made over torch parameters."""

    name: str
    make: Make = field(repr=False, compare=False)
    #: What is to be installed for it.
    needs: str = "torch"


@dataclass(frozen=True)
class Case:
    name: str
    tensors: Tensors
    contenders: tuple[Contender, ...]


def ours_adam(parameters: list) -> Any:
    from optplug.torch import Adam

    return Adam(parameters, lr=1e-3)


def ours_lookahead(parameters: list) -> Any:
    from optplug.torch import Adam, Lookahead

    return Lookahead(Adam(parameters, lr=1e-3), k=5)


def torch_adam(**how: bool) -> Make:
    def make(parameters: list) -> Any:
        import torch

        return torch.optim.Adam(parameters, lr=1e-3, **how)

    return make


def flat_adam(parameters: list) -> Any:
    """As Apex does it: all tensors as pieces of one, which torch's fused kernel updates."""
    import torch

    flat = torch.nn.Parameter(torch.cat([p.detach().reshape(-1) for p in parameters]))
    flat.grad = torch.cat([p.grad.reshape(-1) for p in parameters])
    start = 0
    for p in parameters:
        p.data = flat.data[start : start + p.numel()].view_as(p)
        p.grad = flat.grad[start : start + p.numel()].view_as(p)
        start += p.numel()
    return torch.optim.Adam([flat], lr=1e-3, fused=True)


class ForeachLookahead:
    """A Lookahead over torch's fused Adam, of torch's own operations over lists of tensors."""

    def __init__(self, parameters: list):
        self._fast = [p.detach() for p in parameters]
        self._slow = [p.clone() for p in self._fast]
        self._base = torch_adam(fused=True)(parameters)
        self._steps = 0

    def step(self) -> None:
        import torch

        self._base.step()
        self._steps += 1
        if self._steps % 5 == 0:
            torch._foreach_lerp_(self._slow, self._fast, 0.5)
            torch._foreach_copy_(self._fast, self._slow)


def pytorch_optimizer_lookahead(parameters: list) -> Any:
    from pytorch_optimizer import Lookahead

    return Lookahead(torch_adam(fused=True)(parameters), k=5, alpha=0.5)


OURS = Contender("ours", ours_adam)
FUSED = Contender("torch fused", torch_adam(fused=True))
TORCH = (
    FUSED,
    Contender("torch foreach", torch_adam(foreach=True)),
    Contender("torch for-loop", torch_adam(foreach=False, fused=False)),
)
FLAT = Contender("flat, torch fused", flat_adam)
LOOKAHEAD = (
    Contender("ours, Lookahead", ours_lookahead),
    Contender("foreach Lookahead over fused", ForeachLookahead),
    Contender("pytorch-optimizer over fused", pytorch_optimizer_lookahead, "pytorch-optimizer"),
)

CASES = [
    Case("large/adam", LARGE, (OURS, *TORCH, FLAT)),
    Case("large/lookahead", LARGE, (OURS, *LOOKAHEAD)),
    Case("resnet18/adam", RESNET18, (OURS, *TORCH, FLAT)),
    Case("resnet18/lookahead", RESNET18, (OURS, *LOOKAHEAD)),
    Case("small/adam", SMALL, (OURS, *TORCH, FLAT)),
]
