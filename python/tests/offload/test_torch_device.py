"""The device layer with a stand-in for torch.cuda: what it asks for, in what order, and what it refuses."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch
from offload_cases import backward, model
from optplug.torch import AdamW, Optimizer, _device
from torch import nn


@pytest.fixture
def calls(monkeypatch) -> list[tuple]:
    log: list[tuple] = []
    running = ["current"]

    class Stream:
        def __init__(self, name: str):
            self.name = name

        def wait_stream(self, other):
            log.append((self.name, "waits for", other.name))

        def wait_event(self, event):
            log.append((self.name, "waits for", event))

    class Event:
        def record(self, stream):
            log.append((stream.name, "records"))

        def synchronize(self):
            log.append(("cpu", "waits"))

    @contextmanager
    def stream(which):
        running.append(which.name)
        yield
        running.pop()

    current = Stream("current")
    stand_in = SimpleNamespace(
        Stream=lambda device: Stream("side"), Event=Event, stream=stream,
        current_stream=lambda device: current, is_current_stream_capturing=lambda: False,
    )  # fmt: skip
    monkeypatch.setattr(torch, "cuda", stand_in)
    copy = torch.Tensor.copy_

    def copied(self, source, non_blocking=False):
        log.append((running[-1], "copies", "async" if non_blocking else "sync"))
        return copy(self, source)

    monkeypatch.setattr(torch.Tensor, "copy_", copied)
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda _, which: log.append(("memory kept for", which.name))
    )
    return log


@pytest.fixture
def device(calls) -> _device.CUDADevice:
    return _device.CUDADevice(torch.device("cpu"))


def test_to_host(device, calls):
    source, target = torch.arange(6.0), torch.zeros(6)
    device.after_current()
    device.to_host(target, source)
    device.wait(device.mark())
    assert torch.equal(source, target)
    assert calls == [
        ("side", "waits for", "current"), ("side", "copies", "async"), ("memory kept for", "side"),
        ("side", "records"), ("cpu", "waits"),
    ]  # fmt: skip


def test_to_device(device, calls):
    source, target = torch.arange(6.0), torch.zeros(6)
    device.to_device(target, source)
    event = device.mark()
    device.current_waits(event)
    assert torch.equal(source, target)
    assert calls == [("side", "copies", "async"), ("side", "records"), ("current", "waits for", event)]


def test_gaps_are_closed_on_the_device(device, calls):
    """Asynchronous copies are between memory of the same order only: torch gets others wrong."""
    wide = torch.arange(24.0).view(4, 6)
    source, target = wide[:, :3], torch.zeros(4, 3)
    device.to_host(target, source)
    assert torch.equal(target, source)
    device.to_device(source, target + 1)
    assert torch.equal(source, target + 1) and wide[0, 3] == 3.0
    assert [call[-1] for call in calls if call[1] == "copies"] == ["sync", "async", "async", "sync"]


@pytest.mark.parametrize("aside", [False, True])
def test_check_sums(device, aside):
    table = device.table(2, 8)
    tensor = torch.arange(8.0)
    device.sums(table[1, 2:4], tensor, aside)
    assert table[1, 2] == tensor.view(torch.int32).sum() and not table[0].any()
    assert device.records() is False


# ---- What is refused, and state that stays in host memory --------------------------------------------------


def test_other_devices_are_refused():
    optimizer = Optimizer([nn.Parameter(torch.zeros(8, device="meta"))], "adamw")
    optimizer.param_groups[0]["params"][0].grad = torch.zeros(8, device="meta")
    with pytest.raises(ValueError, match=r"parameter 0 .* is on meta.*to_empty"):
        optimizer.step()


@pytest.mark.parametrize("kind", ["mps", "xpu", "xla"])
def test_the_message_names_device_and_remedy(kind):
    class Elsewhere:
        device = torch.device(kind, 0)

    with pytest.raises(ValueError, match=f"{kind}:0.*CPU and CUDA.*keep the model on the CPU"):
        _device.device_of(Elsewhere())


def test_checkpoints_are_not_brought_to_the_device(monkeypatch):
    net = model()
    optimizer = AdamW(net.parameters())
    backward(net, 0)
    optimizer.step()
    saved = optimizer.state_dict()
    brought = []
    original = torch.optim.Optimizer._process_value_according_to_param_policy

    def watched(param, value, *rest, **named):
        brought.append(value.numel())
        return original(param, value, *rest, **named)

    monkeypatch.setattr(
        torch.optim.Optimizer, "_process_value_according_to_param_policy", staticmethod(watched)
    )
    optimizer.load_state_dict(saved)
    assert brought and not any(brought)
    entries = optimizer.state_dict()["state"].values()
    assert all(value.device.type == "cpu" for entry in entries for value in entry.values())


# ---- The check sums ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.neg_(), lambda t: t.copy_(t.flip(0)), lambda t: t.mul_(1.5), lambda t: t.zero_(),
        lambda t: t.view(-1)[-1:].neg_(), lambda t: t.copy_(t.roll(7, 1)), lambda t: t.fill_(float("nan")),
    ],
)  # fmt: skip
def test_check_sums_change(dtype, change):
    # As many positive as negative numbers, so that the bits' sum alone does not see their signs exchanged.
    half = torch.arange(1, 513, dtype=torch.float32).view(16, 32) / 7
    tensor = torch.cat([half, -half]).to(dtype)
    rows = torch.zeros(2, 2, dtype=torch.int64)
    _device.check_sums(rows[0], tensor)
    change(tensor)
    _device.check_sums(rows[1], tensor)
    assert not torch.equal(rows[0], rows[1])


def test_check_sums_are_those_of_the_memory():
    tensor = torch.randn(4, 3, 5, 5)
    rows = torch.zeros(3, 2, dtype=torch.int64)
    _device.check_sums(rows[0], tensor.to(memory_format=torch.channels_last))
    _device.check_sums(rows[1], tensor.to(memory_format=torch.channels_last).clone())
    assert torch.equal(rows[0], rows[1])
    assert rows[0, 0] == tensor.view(torch.int32).sum()
    _device.check_sums(rows[2], torch.randn(8, 8)[:, ::2])


def test_dense_tensors():
    plain = torch.zeros(3, 4)
    assert all(map(_device.is_dense, [plain, plain.t(), torch.zeros(2, 1, 3), torch.zeros(())]))
    assert not any(map(_device.is_dense, [torch.zeros(3, 4)[:, :2], torch.zeros(1, 4).expand(3, 4)]))
