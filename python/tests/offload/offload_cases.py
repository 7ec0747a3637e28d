"""Models with their optimizers on the CPU and on a fake device, for tests that compare the two."""

from __future__ import annotations

import torch
from optplug.torch import SGD, Adam, AdamW, Lookahead, Optimizer
from torch import nn

OPTIMIZERS = {
    "sgd": lambda p: SGD(p, lr=0.1, momentum=0.9),
    "adamw": lambda p: AdamW(p, lr=1e-2, weight_decay=0.1),
    "lookahead": lambda p: Lookahead(Adam(p, lr=1e-2), k=2),
    "expression": lambda p: Optimizer(p, "lookahead(k=2, adam(lr=1e-2))"),
}


def model(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 8)).to(dtype)


def backward(net: nn.Module, number: int, scale: float = 1.0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(number)
    first = next(net.parameters())
    data = torch.randn(4, 16, generator=generator).to(first.dtype)
    loss = net(data).float().square().mean() * scale
    loss.backward()
    return loss


def pair(devices, device, make, dtype=torch.float32, remote=lambda net: list(net.parameters())):
    """A model with its optimizer on the CPU, and the same on the device."""
    near, far = model(dtype), model(dtype)
    devices.put(device, *remote(far))
    return [(near, make(near.parameters())), (far, make(far.parameters()))]


def assert_same(pairs) -> None:
    (near, here), (far, there) = pairs
    for a, b in zip(near.parameters(), far.parameters()):
        assert torch.equal(a, b)
        assert here.state[a].keys() == there.state[b].keys()
        for key, value in here.state[a].items():
            assert torch.equal(value, there.state[b][key]), key


def trained(devices, device, make=OPTIMIZERS["adamw"], steps: int = 2):
    """A model on the device that was trained for some steps, its gradients zero, and its optimizer."""
    net = model()
    devices.put(device, *net.parameters())
    optimizer = make(net.parameters())
    for step in range(steps):
        optimizer.zero_grad(set_to_none=False)
        backward(net, step)
        optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    device.log.clear()
    return net, optimizer
