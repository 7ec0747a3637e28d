"""What is copied from and to a device and when, and how long everything lives."""

from __future__ import annotations

import copy
import gc
import io
import weakref

import torch
from offload_cases import OPTIMIZERS, assert_same, backward, model, pair, trained
from optplug.torch import SGD, Lookahead, _mirror
from torch import nn


def test_gradients_are_sent_for_during_backward(devices, device):
    net, optimizer = trained(devices, device)
    backward(net, 5)
    # The last layer's gradient comes first; the device has made it when it is copied, and nothing waits.
    assert device.kinds() == ["sums", "after_current", "to_host"] * 2
    assert [entry[1] for entry in device.log if entry[0] == "to_host"] == [
        net[2].weight.grad.data_ptr(), net[0].weight.grad.data_ptr(),
    ]  # fmt: skip
    optimizer.step()
    for p in (net[0].weight, net[2].weight):
        assert device.copies_of("to_host", p.grad) == 1
        assert device.copies_of("to_host", p) == 0
    for p in net.parameters():
        assert device.copies_of("to_device", p) == 1


def test_the_cpu_does_not_wait_for_what_it_sends(devices, device):
    net, optimizer = trained(devices, device)
    backward(net, 5)
    optimizer.step()
    kinds = device.kinds()
    assert kinds.count("wait") == 1
    last = max(i for i, kind in enumerate(kinds) if kind == "to_device")
    assert "wait" not in kinds[last:] and kinds[-1] == "current_waits"
    # What is sent is written after the work that the device has got by then.
    first = kinds.index("to_device")
    assert kinds[first - 1] == "after_current" and kinds.index("wait") < first


def test_the_library_does_not_write_what_the_device_still_reads(devices, device, monkeypatch):
    net, optimizer = trained(devices, device, OPTIMIZERS["lookahead"])
    host = optimizer._engine.host
    seen = []
    for name in ("step", "enter_evaluation", "leave_evaluation"):
        function = getattr(host, name)

        def checked(*arguments, function=function):
            seen.append(len(device.lent()))
            return function(*arguments)

        monkeypatch.setattr(host, name, checked)
    for step in range(2):
        optimizer.zero_grad()
        backward(net, step)
        optimizer.step()
        assert len(device.lent()) == 4
        with optimizer.evaluation_weights():
            assert len(device.lent()) == 4
    assert seen == [0] * 6


def test_clipping_that_changes_nothing_costs_no_copy(devices, device):
    net, optimizer = trained(devices, device)
    backward(net, 5)
    nn.utils.clip_grad_norm_(net.parameters(), 1e6)
    optimizer.step()
    assert device.copies_of("to_host", net[0].weight.grad) == 1


def test_early_copies_pause_when_they_are_in_vain(devices, device):
    net, optimizer = trained(devices, device)
    grad = net[0].weight.grad
    counts = []
    for step in range(2 * _mirror.PAUSE + 4):
        device.log.clear()
        optimizer.zero_grad(set_to_none=False)
        backward(net, step)
        grad.mul_(0.5)
        optimizer.step()
        counts.append(device.copies_of("to_host", grad))
    assert counts == ([2] + [1] * _mirror.PAUSE) * 2 + [2, 1]


def test_only_the_last_of_several_backward_passes_is_sent_for(devices, device):
    net, optimizer = trained(devices, device)
    counts = []
    for step in range(3):
        device.log.clear()
        optimizer.zero_grad(set_to_none=False)
        for part in range(3):
            backward(net, 3 * step + part)
        early = device.copies_of("to_host", net[0].weight.grad)
        optimizer.step()
        counts.append((early, device.copies_of("to_host", net[0].weight.grad)))
    assert counts == [(3, 3), (1, 1), (1, 1)]


def test_small_tensors_are_copied_outright(devices, device, monkeypatch):
    monkeypatch.setattr(_mirror, "SMALL", 1 << 20)
    net, optimizer = trained(devices, device)
    backward(net, 5)
    assert not device.log
    optimizer.step()
    kinds = device.kinds()
    assert (kinds.count("to_host"), kinds.count("to_device"), kinds.count("sums")) == (8, 4, 0)
    assert kinds.count("wait") == 1


def test_nothing_is_sent_for_while_a_graph_is_recorded(devices, device):
    net, optimizer = trained(devices, device)
    device.recording = True
    backward(net, 5)
    assert not device.log


def test_frozen_parameters_stay_where_they_are(devices, device):
    net = model()
    net[0].requires_grad_(False)
    devices.put(device, *net.parameters())
    optimizer = Lookahead(SGD(net.parameters(), lr=0.1))
    for step in range(3):
        optimizer.zero_grad()
        backward(net, step)
        optimizer.step()
    assert device.copies_of("to_device", net[0].weight) == 0
    assert device.copies_of("to_device", net[2].weight) == 3


def test_no_evaluation_weights_no_copies(devices, device):
    _, optimizer = trained(devices, device)
    with optimizer.evaluation_weights():
        pass
    assert "to_device" not in device.kinds()


# ---- Life --------------------------------------------------------------------------------------------------


def test_nothing_keeps_the_model_alive(devices, device):
    gc.collect()
    gc.disable()
    try:
        net, optimizer = trained(devices, device)
        weight, engine = net[0].weight, weakref.ref(optimizer._engine)
        assert len(weight._post_accumulate_grad_hooks) == 1
        del optimizer
        assert engine() is None and not weight._post_accumulate_grad_hooks
        alive = weakref.ref(weight)
        del net, weight
        assert alive() is None
    finally:
        gc.enable()


def test_one_hook_for_each_engine(devices, device):
    net, optimizer = trained(devices, device)
    optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(8))]})
    backward(net, 0)
    optimizer.step()
    assert len(net[0].weight._post_accumulate_grad_hooks) == 1


def test_copies_of_the_optimizer(devices, device):
    net, optimizer = trained(devices, device)
    buffer = io.BytesIO()
    torch.save((net, optimizer), buffer)
    buffer.seek(0)
    twins = [(net, optimizer), copy.deepcopy((net, optimizer)), torch.load(buffer, weights_only=False)]
    for twin, _ in twins[1:]:
        devices.put(device, *twin.parameters())
    for step in range(3):
        for twin, its in twins:
            its.zero_grad()
            backward(twin, step)
            its.step()
    assert_same(twins[:2])
    assert_same(twins[::2])


def test_compiled_models_keep_their_hooks(devices, device):
    pairs = pair(devices, device, OPTIMIZERS["adamw"])
    run = torch.compile(pairs[1][0], backend="eager")
    for step in range(3):
        for net, optimizer in pairs:
            optimizer.zero_grad()
            x = torch.ones(2, 16) * step
            (run if net is pairs[1][0] else net)(x).square().mean().backward()
            optimizer.step()
    assert_same(pairs)
