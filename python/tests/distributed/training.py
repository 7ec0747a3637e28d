"""A small training, by several ranks or by one process that does what they do together."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from distributed.ranks import WORLD

STEPS = 6


def network() -> nn.Module:
    """The same in every rank. All sizes are multiples of 8, where AdamW has the bits of torch's fused one."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 16))


def loss_of(model: nn.Module, rank: int, step: int) -> torch.Tensor:
    """The loss of what a rank sees in a step."""
    generator = torch.Generator().manual_seed(100 * step + rank)
    inputs, targets = torch.randn(12, 16, generator=generator), torch.randn(12, 16, generator=generator)
    return nn.functional.mse_loss(model(inputs), targets)


def train(model: nn.Module, optimizer: torch.optim.Optimizer, rank: int, steps: Iterable[int] = range(STEPS)) -> None:
    """What one of several ranks does."""
    for step in steps:
        optimizer.zero_grad()
        loss_of(model, rank, step).backward()
        optimizer.step()


def train_alone(model: nn.Module, optimizer: torch.optim.Optimizer, steps: Iterable[int] = range(STEPS)) -> None:
    """What the ranks do together, in one process: the same sums of halved gradients, so the same bits."""
    parameters = list(model.parameters())
    for step in steps:
        parts = [torch.autograd.grad(loss_of(model, rank, step), parameters) for rank in range(WORLD)]
        for parameter, gradients in zip(parameters, zip(*parts)):
            parameter.grad = sum(gradient / WORLD for gradient in gradients)
        optimizer.step()


def assert_same(ours: nn.Module, theirs: nn.Module) -> None:
    """The same bits."""
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters()):
        assert torch.equal(a, b), f"{name} differs by up to {(a - b).abs().max()}"
