"""Models on a device that are changed, loaded, moved or shown between steps."""

from __future__ import annotations

import io

import pytest
import torch
from offload_cases import OPTIMIZERS, assert_same, backward, model, pair
from optplug.torch import SGD, AdamW, Lookahead


def _load(net):
    net.load_state_dict({key: value * 0.5 for key, value in net.state_dict().items()})


def _clamp_weights(net):
    for p in net.parameters():
        p.data.clamp_(-0.05, 0.05)


def _one_element(net):
    with torch.no_grad():
        net[0].weight.data[3, 3] += 1e-3


def _new_memory(net):
    for p in net.parameters():
        p.data = p.data * 0.5


def _swap_neighbors(net):
    with torch.no_grad():  # the check sums do not see this, the version does
        flat = net[0].weight.view(-1)
        flat[[1, 2]] = flat[[2, 1]]


@pytest.mark.parametrize(("name", "dtype"), [("sgd", torch.float32), ("lookahead", torch.bfloat16)])
@pytest.mark.parametrize(
    "edit", [_load, _clamp_weights, _one_element, _new_memory, _swap_neighbors],
    ids=lambda f: f.__name__,
)  # fmt: skip
def test_parameters_edited_between_steps(devices, device, edit, name, dtype):
    pairs = pair(devices, device, OPTIMIZERS[name], dtype)
    for step in range(5):
        for net, optimizer in pairs:
            if step % 2:
                edit(net)
            optimizer.zero_grad()
            backward(net, step)
            optimizer.step()
        assert_same(pairs)


def test_a_model_that_moves(devices, device):
    pairs = pair(devices, device, OPTIMIZERS["adamw"])
    far = pairs[1][0]
    for step in range(6):
        if step in (2, 4):
            for p in far.parameters():
                p.data = p.data.clone()
                devices.put(None if step == 2 else device, p)
        for net, optimizer in pairs:
            optimizer.zero_grad()
            backward(net, step)
            optimizer.step()
        assert_same(pairs)
    assert device.kinds().count("to_device") == 4 * len(list(far.parameters()))


def test_a_model_of_another_type(devices, device):
    pairs = pair(devices, device, OPTIMIZERS["sgd"])
    for step in range(4):
        for net, optimizer in pairs:
            if step == 2:
                net.to(torch.bfloat16)
            optimizer.zero_grad()
            backward(net, step)
            optimizer.step()
        assert all(torch.equal(a, b) for a, b in zip(*(net.parameters() for net, _ in pairs)))


def test_added_groups(devices, device):
    near, far = model(), model()
    devices.put(device, *far.parameters())
    pairs = [(net, AdamW(net[0].parameters(), lr=1e-2)) for net in (near, far)]
    for step in range(4):
        for net, optimizer in pairs:
            if step == 2:
                optimizer.add_param_group({"params": list(net[2].parameters()), "lr": 1e-3})
            optimizer.zero_grad()
            backward(net, step)
            optimizer.step()
    assert_same(pairs)


@pytest.mark.parametrize("name", ["adamw", "lookahead"])
def test_checkpoints(devices, device, name):
    pairs = pair(devices, device, OPTIMIZERS[name])
    for step in range(3):
        for net, optimizer in pairs:
            optimizer.zero_grad()
            backward(net, step)
            optimizer.step()
    buffer = io.BytesIO()
    torch.save([(net.state_dict(), optimizer.state_dict()) for net, optimizer in pairs], buffer)
    buffer.seek(0)
    saved = torch.load(buffer, weights_only=True)
    # Each goes on from what the other one saved.
    fresh = pair(devices, device, OPTIMIZERS[name])
    for (net, optimizer), (weights, state) in zip(fresh, reversed(saved)):
        net.load_state_dict(weights)
        optimizer.load_state_dict(state)
    for step in range(3, 6):
        for net, optimizer in (*pairs, *fresh):
            optimizer.zero_grad()
            backward(net, step)
            optimizer.step()
        assert_same(fresh)
        assert_same((pairs[0], fresh[1]))


def test_evaluation_weights(devices, device):
    pairs = pair(devices, device, OPTIMIZERS["lookahead"])
    for step in range(5):
        for net, optimizer in pairs:
            optimizer.zero_grad()
            backward(net, step)
            optimizer.step()
        before = [p.detach().clone() for p in pairs[1][0].parameters()]
        with pairs[0][1].evaluation_weights(), pairs[1][1].evaluation_weights():
            assert_same(pairs)
            assert (step % 2 == 1) == torch.equal(before[0], next(pairs[1][0].parameters()))
        assert all(torch.equal(a, b) for a, b in zip(before, pairs[1][0].parameters()))
        assert_same(pairs)


def test_evaluation_weights_of_an_edited_model(devices, device):
    pairs = pair(devices, device, OPTIMIZERS["lookahead"])
    for net, optimizer in pairs:
        backward(net, 0)
        optimizer.step()
        _clamp_weights(net)
        with optimizer.evaluation_weights():
            pass
    assert_same(pairs)


def test_slow_weights_without_a_gradient(devices, device):
    """Lookahead's sync changes a parameter that has moved before though it has no gradient now."""
    pairs = pair(devices, device, lambda p: Lookahead(SGD(p, lr=0.1), k=2))
    for step in range(4):
        for net, optimizer in pairs:
            optimizer.zero_grad()
            backward(net, step)
            if step % 2:
                net[0].weight.grad = None
            optimizer.step()
        assert_same(pairs)
