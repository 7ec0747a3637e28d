"""differentiable=True: Lookahead's step in torch's operations, against a plain loop and by finite differences."""

import pytest
import torch
from optplug.torch import SGD, Adam, AdamW, Lookahead

BASES = [
    (SGD, torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    (Adam, torch.optim.Adam, {"lr": 0.05}),
    (AdamW, torch.optim.AdamW, {"lr": 0.05, "weight_decay": 0.1}),
]


def trained(start: torch.Tensor, kind, settings: dict, steps: int = 5) -> torch.Tensor:
    """A parameter after some differentiable steps with gradients that depend on it."""
    p = start.clone()
    optimizer = Lookahead(kind([p], differentiable=True, **settings), k=2, alpha=0.5)
    for _ in range(steps):
        p.grad = p.detach() * 2 + 1
        optimizer.step()
    return p


@pytest.mark.parametrize(("kind", "theirs", "settings"), BASES)
def test_it_is_the_step_of_the_library(kind, theirs, settings):
    start = torch.randn(16)
    p, slow = start.clone(), start.clone()
    reference = theirs([p], **settings)
    for step in range(1, 6):
        p.grad = p.detach() * 2 + 1
        reference.step()
        if step % 2 == 0:
            slow = slow + 0.5 * (p - slow)
            p.copy_(slow)
    torch.testing.assert_close(trained(start.requires_grad_(), kind, settings).detach(), p, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "theirs", "settings"), BASES)
def test_gradients_flow_through_it(kind, theirs, settings):
    start = torch.randn(4, dtype=torch.float64, requires_grad=True)
    kept = trained(start, kind, settings)
    (gradient,) = torch.autograd.grad(kept.sum(), start)
    # The gradients handed in are constants, so what flows is the way of the weights themselves.
    decay = 1 - settings["lr"] * settings["weight_decay"] if kind is AdamW else 1.0
    fast, slow = 1.0, None
    for step in range(1, 6):
        fast *= decay
        if step % 2 == 0:
            slow = 0.5 * fast if slow is None else slow + 0.5 * (fast - slow)  # it starts as a detached copy
            fast = slow
    torch.testing.assert_close(gradient, torch.full_like(gradient, fast))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize(("kind", "theirs", "settings"), BASES)
def test_the_state_goes_on_in_the_library(kind, theirs, settings):
    start = torch.randn(16)
    mixed, whole = start.clone(), start.clone()
    one, other = (Lookahead(kind([p], differentiable=True, **settings), k=2) for p in (mixed, whole))
    for step in range(7):
        one.param_groups[0]["differentiable"] = step < 3
        for p, optimizer, needs_graph in ((mixed, one, True), (whole, other, False)):
            p.grad = torch.full_like(start, 0.1 * (step + 1)).requires_grad_(needs_graph)
            optimizer.step()
    torch.testing.assert_close(mixed.detach(), whole, rtol=1e-5, atol=1e-6)


def test_what_has_no_such_step_is_refused():
    p = torch.randn(4, requires_grad=True).clone()
    p.grad = torch.ones(4)
    with pytest.raises(NotImplementedError, match="momentum_mode='none'"):
        Lookahead(Adam([p], differentiable=True), momentum_mode="reset").step()
    with pytest.raises(NotImplementedError, match="capturable"):
        Lookahead(Adam([torch.nn.Parameter(torch.ones(4))], capturable=True)).step()
