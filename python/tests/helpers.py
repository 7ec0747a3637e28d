"""What several test files need: parameters, gradients, and exact comparisons."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from optplug.torch import _gpu

#: Sizes that are multiples of 8, where the bits of torch's fused kernels do not depend on its tail loop.
SHAPES: tuple[tuple[int, ...], ...] = ((16, 8), (8,), (4, 2, 8))


def parameters(
    shapes: Iterable[Sequence[int]] = SHAPES, dtype: torch.dtype = torch.float32, seed: int = 0
) -> list[torch.nn.Parameter]:
    """The same numbers for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.nn.Parameter(_random(tuple(shape), dtype, generator)) for shape in shapes]


def _random(shape: tuple[int, ...], dtype: torch.dtype, generator: torch.Generator) -> torch.Tensor:
    if dtype.is_complex:
        real = torch.randn((*shape, 2), generator=generator, dtype=torch.float64)
        return torch.view_as_complex(real).to(dtype)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def set_gradients(tensors: Iterable[torch.Tensor], seed: int) -> None:
    """Gives every tensor a gradient of its shape, the same for the same seed."""
    generator = torch.Generator().manual_seed(1000 + seed)
    for tensor in tensors:
        tensor.grad = _random(tuple(tensor.shape), tensor.dtype, generator)


def take_steps(
    optimizer: torch.optim.Optimizer, first: int = 0, count: int = 3, closure: Callable | None = None
) -> None:
    """Steps with made-up gradients, those of step `first`, `first + 1`, ..."""
    for number in range(first, first + count):
        set_gradients(trained(optimizer), number)
        optimizer.step() if closure is None else optimizer.step(closure)


def trained(optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    """All parameters of an optimizer, in its order."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def put_back(optimizer: torch.optim.Optimizer, weights: list[torch.Tensor]) -> None:
    """Writes weights of before into what the optimizer trains."""
    with torch.no_grad():
        for p, w in zip(trained(optimizer), weights):
            p.copy_(w)


def assert_same(ours: Iterable[torch.Tensor], theirs: Iterable[torch.Tensor]) -> None:
    """Equal in every bit, but for the sign of zero."""
    ours, theirs = list(ours), list(theirs)
    assert len(ours) == len(theirs)
    for number, (a, b) in enumerate(zip(ours, theirs)):
        assert a.dtype == b.dtype and a.shape == b.shape, (
            f"tensor {number}: {a.dtype} {a.shape}, {b.dtype} {b.shape}"
        )
        assert torch.equal(a, b), f"tensor {number} differs by up to {(a - b).abs().max().item()}"


def assert_same_state(ours: dict, theirs: dict) -> None:
    """Two state dicts hold the same state: the same keys, and equal tensors."""
    assert ours["state"].keys() == theirs["state"].keys()
    for identity, entry in ours["state"].items():
        other = theirs["state"][identity]
        assert entry.keys() == other.keys()
        for key, value in entry.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(other[key])), (identity, key)


def network() -> torch.nn.Sequential:
    """A small network with the same weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 8))


def batch(number: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Made-up data for `network`."""
    generator = torch.Generator().manual_seed(100 + number)
    return torch.randn(24, 8, generator=generator), torch.randn(24, 8, generator=generator)


def loss_of(model: torch.nn.Module, number: int = 0) -> torch.Tensor:
    x, y = batch(number)
    return torch.nn.functional.mse_loss(model(x), y)


def train(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, first: int = 0, count: int = 3
) -> list[float]:
    """Ordinary training steps; returns the losses."""
    losses = []
    for number in range(first, first + count):
        optimizer.zero_grad()
        loss = loss_of(model, number)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def closure_for(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, number: int = 0
) -> Callable[[], torch.Tensor]:
    """What `step` of an optimizer that evaluates the loss again needs."""

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = loss_of(model, number)
        loss.backward()
        return loss

    return closure


def nvrtc_library() -> Path | None:
    """The library of the package nvidia-cuda-nvrtc, where it is installed."""
    return next(iter(_gpu.compilers(_gpu.compiler_folders(), None)), None)
