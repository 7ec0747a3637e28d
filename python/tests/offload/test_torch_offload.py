"""Parameters on a device, trained on the CPU: the numbers are those of parameters on the CPU, bit for bit.

The device is a fake, so that it can be told what happens when; tests on a real one are in test_torch_cuda.py.
"""

from __future__ import annotations

import pytest
import torch
from fake_device import FakeDevice
from offload_cases import OPTIMIZERS, assert_same, backward, pair
from optplug.torch import SGD, AdamW, Optimizer, _mirror
from torch import nn


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, torch.float32) for name in OPTIMIZERS), ("sgd", torch.float64), ("lookahead", torch.bfloat16)],
)
def test_training(devices, each_device, name, dtype):
    pairs = pair(devices, each_device, OPTIMIZERS[name], dtype)
    for step in range(6):
        for net, optimizer in pairs:
            optimizer.zero_grad(set_to_none=step % 2 == 0)
            backward(net, step)
            optimizer.step()
        assert_same(pairs)


def test_several_devices_and_the_host_together(devices):
    first, second = FakeDevice(), FakeDevice(reads_early=True)
    pairs = pair(devices, first, OPTIMIZERS["lookahead"], remote=lambda net: [net[0].weight, net[2].bias])
    devices.put(second, pairs[1][0][2].weight)
    for step in range(4):
        for net, optimizer in pairs:
            optimizer.zero_grad()
            backward(net, step)
            optimizer.step()
        assert_same(pairs)
    assert second.copies_of("to_device", pairs[1][0][2].weight) == 4
    assert first.copies_of("to_device", pairs[1][0][0].bias) == 0


# ---- Edits between backward and step -----------------------------------------------------------------------


def _clip(net, _):
    nn.utils.clip_grad_norm_(net.parameters(), 1e-2)


def _clip_in_vain(net, _):
    nn.utils.clip_grad_norm_(net.parameters(), 1e6)


def _clamp_data(net, _):
    for p in net.parameters():
        p.grad.data.clamp_(-1e-3, 1e-3)


def _unscale(net, _):
    for p in net.parameters():
        p.grad.mul_(1 / 3)


def _there_and_back(net, step):
    for p in net.parameters():
        p.grad.mul_(2.0)
        if step % 2:
            p.grad.mul_(0.5)


def _replace(net, _):
    for p in net.parameters():
        p.grad = p.grad * 0.5


def _exchange_signs(net, _):
    for p in net.parameters():
        p.grad.data.neg_()


def _exchange_places(net, _):
    for p in net.parameters():
        p.grad.data.copy_(p.grad.flip(0))


def _drop_one(net, step):
    list(net.parameters())[step % 4].grad = None


def _accumulate(net, step):
    for more in range(step % 3):
        backward(net, 100 * step + more)


def _discard(net, step):
    net.zero_grad(set_to_none=False)
    backward(net, 100 * step)


def _negated_view(net, step):
    for p in net.parameters():
        p.grad = torch.complex(p.grad, p.grad).conj().imag
        assert p.grad.is_neg()


def _transpose(net, step):
    if step % 2:
        for p in net.parameters():
            p.grad = p.grad.t().contiguous().t() if p.dim() == 2 else p.grad


EDITS = [
    _clip, _clip_in_vain, _clamp_data, _unscale, _there_and_back, _replace, _exchange_signs, _exchange_places,
    _drop_one, _accumulate, _discard, _transpose, _negated_view,
]  # fmt: skip


@pytest.mark.parametrize("edit", EDITS, ids=lambda f: f.__name__)
def test_gradients_edited_after_backward(devices, each_device, monkeypatch, edit):
    monkeypatch.setattr(_mirror, "PAUSE", 1)  # early copies are tried again and again
    pairs = pair(devices, each_device, OPTIMIZERS["sgd"])
    for step in range(6):
        for net, optimizer in pairs:
            optimizer.zero_grad(set_to_none=step % 3 == 0)
            backward(net, step)
            edit(net, step)
            optimizer.step()
        assert_same(pairs)


def test_a_copy_made_between_two_edits(devices, monkeypatch):
    """The early copy has what lay there for a moment only; all looks as it did when it was sent for."""
    monkeypatch.setattr(_mirror, "PAUSE", 0)
    device = FakeDevice()
    pairs = pair(devices, device, OPTIMIZERS["sgd"])
    for step in range(4):
        for net, optimizer in pairs:
            optimizer.zero_grad(set_to_none=True)
            backward(net, step)
            weight = net[0].weight
            if step % 2:
                before = weight.grad.clone()
                weight.grad.mul_(2.0)
                device.catch_up()
                weight.grad = before
            else:
                weight.grad.mul_(2.0)
                device.catch_up()
                weight.grad.mul_(0.5)
            optimizer.step()
        assert_same(pairs)


def test_a_gradient_read_in_another_order(devices, device):
    """The same memory, transposed."""
    near, far = nn.Parameter(torch.ones(16, 16)), nn.Parameter(torch.ones(16, 16))
    devices.put(device, far)
    here, there = SGD([near], lr=0.1), SGD([far], lr=0.1)
    factors = torch.arange(256.0).view(16, 16)
    for step in range(4):
        for p, optimizer in ((near, here), (far, there)):
            p.grad = None
            (p * factors).sum().backward()
            if step % 2:
                p.grad = p.grad.t()
            optimizer.step()
        assert torch.equal(near, far)


def test_gradients_made_by_hand(devices, device):
    pairs = pair(devices, device, OPTIMIZERS["adamw"])
    for step in range(3):
        for net, optimizer in pairs:
            for i, p in enumerate(net.parameters()):
                p.grad = torch.full_like(p, 0.1 * i + step)
            optimizer.step()
        assert_same(pairs)


def test_sparse_gradients(devices, device):
    def make() -> nn.Module:
        torch.manual_seed(2)
        return nn.Embedding(32, 8, sparse=True)

    near, far = make(), make()
    devices.put(device, far.weight)
    pairs = [(net, SGD(net.parameters(), lr=0.1, momentum=0.9)) for net in (near, far)]
    for step in range(3):
        for net, optimizer in pairs:
            optimizer.zero_grad()
            net(torch.tensor([1, step, 1, 7])).square().sum().backward()
            optimizer.step()
        assert_same(pairs)


@pytest.mark.parametrize("fused", [False, True])
def test_gradient_scaler(devices, device, fused):
    pairs = pair(devices, device, lambda p: AdamW(p, lr=1e-2, fused=fused))
    scalers = [torch.amp.GradScaler("cpu", init_scale=3.0, growth_interval=2) for _ in pairs]
    for step in range(5):
        for scaler, (net, optimizer) in zip(scalers, pairs):
            optimizer.zero_grad()
            loss = net(torch.full((2, 16), float("inf") if step == 2 else 0.5)).square().mean()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        assert_same(pairs)
    assert scalers[0].get_scale() == scalers[1].get_scale()


def test_losses_that_are_evaluated_again(devices, each_device):
    pairs = pair(devices, each_device, lambda p: Optimizer(p, "sam(rho=0.05, sgd(lr=0.1, momentum=0.9))"))
    for step in range(4):
        for net, optimizer in pairs:

            def closure(net=net, optimizer=optimizer, step=step):
                optimizer.zero_grad(set_to_none=step % 2 == 0)
                return backward(net, step)

            optimizer.step(closure)
        assert_same(pairs)


def test_a_closure_that_fails(devices, device):
    pairs = pair(devices, device, lambda p: Optimizer(p, "sam(rho=0.05, sgd(lr=0.1))"))
    for net, optimizer in pairs:
        calls = []

        def closure(net=net, optimizer=optimizer, calls=calls):
            calls.append(1)
            if len(calls) == 2:
                raise KeyError("enough")
            optimizer.zero_grad()
            return backward(net, 0)

        with pytest.raises(KeyError, match="enough"):
            optimizer.step(closure)
    assert all(torch.equal(a, b) for a, b in zip(*(net.parameters() for net, _ in pairs)))


# ---- Layouts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sgd", "adamw", "muon"])
def test_other_strides(devices, device, name):
    def parameters() -> list[nn.Parameter]:
        torch.manual_seed(3)
        return [
            nn.Parameter(torch.randn(8, 4, 3, 3).to(memory_format=torch.channels_last)),
            nn.Parameter(torch.randn(16, 8).t()),
            nn.Parameter(torch.randn(16, 16)[:, :8]),
        ]

    make = OPTIMIZERS.get(name, lambda p: Optimizer(p, "muon(adam, lr=0.01)"))
    near, far = parameters(), parameters()
    devices.put(device, *far)
    here, there = make(near), make(far)
    engines = set()
    for step in range(4):
        for ours, optimizer in ((near, here), (far, there)):
            optimizer.zero_grad()
            torch.manual_seed(step)
            sum((p * torch.randn(p.shape)).square().sum() for p in ours).backward()
            optimizer.step()
        engines.add(id(there._engine))
        for a, b in zip(near, far):
            assert torch.equal(a, b) and a.stride() == b.stride()
            assert all(torch.equal(here.state[a][key], there.state[b][key]) for key in here.state[a])
    assert len(engines) == 1  # it is not made again and again


def test_complex_parameters(devices, device):
    def parameter() -> nn.Parameter:
        torch.manual_seed(4)
        return nn.Parameter(torch.randn(24, 8, dtype=torch.complex64))

    near, far = parameter(), parameter()
    devices.put(device, far)
    for p in (near, far):
        optimizer = AdamW([p], lr=1e-2)
        for _ in range(3):
            optimizer.zero_grad()
            p.abs().square().sum().backward()
            optimizer.step()
    assert torch.equal(near, far)
