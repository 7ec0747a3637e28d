"""Parameters on a real GPU, with steps that run there and with steps on the CPU; skipped where there is none."""

from __future__ import annotations

import copy

import pytest
import torch
from optplug.torch import SGD, AdamW, Lookahead, Optimizer, _gpu, _mirror
from torch import nn

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

OPTIMIZERS = {
    "sgd": lambda p: SGD(p, lr=0.1, momentum=0.9),
    "adamw": lambda p: AdamW(p, lr=1e-2),
    "lookahead": lambda p: Lookahead(AdamW(p, lr=1e-2), k=2),
}


@pytest.fixture(autouse=True)
def all_tensors_are_large(monkeypatch):
    monkeypatch.setattr(_mirror, "SMALL", 0)


@pytest.fixture(autouse=True, params=["gpu", "cpu"])
def place(request, monkeypatch) -> str:
    """Where the steps run."""
    if request.param == "cpu":
        monkeypatch.setattr(_gpu, "device_of", lambda parameters: None)
    return request.param


def model(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(256, 512), nn.Tanh(), nn.Linear(512, 512), nn.Tanh(), nn.Linear(512, 8)
    ).to(dtype)


def train(
    net: nn.Module, optimizer: torch.optim.Optimizer, steps: int, between=lambda net, step: None
) -> list:
    """Trains on the GPU; returns all gradients, as they were at each step, in host memory."""
    gradients = []
    for step in range(steps):
        optimizer.zero_grad(set_to_none=step % 2 == 0)
        torch.manual_seed(step)
        first = next(net.parameters())
        data = torch.randn(64, 256).to(first)
        net(data).float().square().mean().backward()
        between(net, step)
        gradients.append([p.grad.to("cpu", copy=True) for p in net.parameters()])
        optimizer.step()
    return gradients


def replay(net: nn.Module, optimizer: torch.optim.Optimizer, gradients: list) -> None:
    """Takes the same steps on the CPU."""
    for step in gradients:
        for p, gradient in zip(net.parameters(), step):
            p.grad = gradient.clone()
        optimizer.step()


def assert_same(near, here, far, there) -> None:
    for a, b in zip(near.parameters(), far.parameters()):
        assert torch.equal(a, b.cpu())
        on_gpu = isinstance(there._engine, _gpu.GPUEngine)
        for key, value in here.state[a].items():
            assert there.state[b][key].is_cuda == (on_gpu and key != "step")
            assert torch.equal(value, there.state[b][key].cpu())


def _clip(net, _):
    nn.utils.clip_grad_norm_(net.parameters(), 1e-3)


def _data(net, _):
    for p in net.parameters():
        p.grad.data.mul_(0.5)
        p.data.clamp_(-0.06, 0.06)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_steps_are_those_of_the_cpu(name, dtype, place):
    near, far = model(dtype), model(dtype).cuda()
    here, there = OPTIMIZERS[name](near.parameters()), OPTIMIZERS[name](far.parameters())
    replay(near, here, train(far, there, 6))
    assert_same(near, here, far, there)
    assert isinstance(there._engine, _gpu.GPUEngine) == (place == "gpu")
    assert place == "gpu" or there._engine._offload.memory(0).is_pinned()


def test_clipped_gradients():
    near, far = model(), model().cuda()
    here, there = AdamW(near.parameters()), AdamW(far.parameters())
    replay(near, here, train(far, there, 6, _clip))
    assert_same(near, here, far, there)


def test_edits_through_data():
    near, far = model(), model().cuda()
    here, there = SGD(near.parameters(), lr=0.1), SGD(far.parameters(), lr=0.1)
    for step in range(4):
        gradients = train(far, there, 1, _data)
        for p in near.parameters():
            p.data.clamp_(-0.06, 0.06)
        replay(near, here, gradients)
    assert_same(near, here, far, there)


def test_other_streams_and_strides():
    stream = torch.cuda.Stream()
    torch.manual_seed(0)
    far = [
        nn.Parameter(torch.randn(64, 32, 3, 3, device="cuda").to(memory_format=torch.channels_last)),
        nn.Parameter(torch.randn(512, 256, device="cuda")[:, :128]),
    ]
    near = [nn.Parameter(p.detach().to("cpu", copy=True)) for p in far]
    here, there = SGD(near, lr=0.1, momentum=0.9), SGD(far, lr=0.1, momentum=0.9)
    for step in range(4):
        with torch.cuda.stream(stream):
            there.zero_grad()
            sum(p.square().sum() * (step + 1) for p in far).backward()
            there.step()
            after = [p.detach().clone() for p in far]
        stream.synchronize()
        for p, q in zip(near, far):
            p.grad = q.grad.to("cpu", copy=True)
        here.step()
        assert all(torch.equal(a, b.cpu()) for a, b in zip(near, after))


def test_checkpoints_of_torch():
    far = model().cuda()
    torchs = torch.optim.AdamW(far.parameters(), lr=1e-3, fused=True)
    train(far, torchs, 3)
    near, ours, theirs = model(), AdamW(far.parameters(), lr=1e-3), None
    near.load_state_dict(far.state_dict())
    theirs = AdamW(near.parameters(), lr=1e-3)
    ours.load_state_dict(torchs.state_dict())
    theirs.load_state_dict(torchs.state_dict())
    assert all(v.device.type == "cpu" for entry in ours.state.values() for v in entry.values())
    replay(near, theirs, train(far, ours, 3))
    assert_same(near, theirs, far, ours)
    torchs.load_state_dict(ours.state_dict())  # and back
    assert torchs.state[far[0].weight]["exp_avg"].is_cuda
    train(far, torchs, 1)


def test_state_of_torchs_own_step_stays_on_the_gpu():
    """With capturable=True the step is torch's, and takes its state there."""
    net = model().cuda()
    optimizer = AdamW(net.parameters(), lr=1e-3, capturable=True)
    train(net, optimizer, 2)
    optimizer.load_state_dict({**optimizer.state_dict()})
    assert all(value.is_cuda for entry in optimizer.state.values() for value in entry.values())
    train(net, optimizer, 1)


def test_gradient_scaler():
    net = model().cuda()
    optimizer, scaler = AdamW(net.parameters(), lr=1e-3), torch.amp.GradScaler("cuda", init_scale=1024.0)
    before = [p.detach().clone() for p in net.parameters()]
    for step in range(3):
        optimizer.zero_grad()
        with torch.autocast("cuda", torch.float16):
            loss = net(torch.full((8, 256), 0.1, device="cuda")).float().square().mean()
        scaler.scale(loss * (float("inf") if step == 0 else 1.0)).backward()
        scaler.step(optimizer)
        scaler.update()
        assert (step == 0) == all(torch.equal(a, b) for a, b in zip(before, net.parameters()))


def test_replayed_graphs():
    """Gradients that a replayed graph writes have the address and version of the ones before."""
    far = nn.Linear(256, 256).cuda()
    near = copy.deepcopy(far).cpu()
    here, there = SGD(near.parameters(), lr=0.1), SGD(far.parameters(), lr=0.1)
    data = torch.zeros(16, 256, device="cuda")
    replay(near, here, _linear_steps(far, there, data, 2))
    for p in far.parameters():
        p.grad = torch.zeros_like(p)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for p in far.parameters():
            p.grad.zero_()
        far(data).square().mean().backward()
    for step in range(3):
        data.fill_(step + 1.0)
        graph.replay()
        gradients = [[p.grad.to("cpu", copy=True) for p in far.parameters()]]
        there.step()
        replay(near, here, gradients)
        assert_same(near, here, far, there)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_inside_a_graph(name, place):
    if place == "cpu":
        pytest.skip("a step on the CPU cannot be captured")
    far = nn.Linear(256, 256).cuda()
    near = copy.deepcopy(far).cpu()
    here, there = OPTIMIZERS[name](near.parameters()), OPTIMIZERS[name](far.parameters())
    data = torch.zeros(16, 256, device="cuda")
    replay(near, here, _linear_steps(far, there, data, 2))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        there.zero_grad(set_to_none=False)
        far(data).square().mean().backward()
        there.step()
    for step in range(5):
        data.fill_(step + 1.0)
        graph.replay()
        replay(near, here, [[p.grad.to("cpu", copy=True) for p in far.parameters()]])
    there.state_dict()
    assert_same(near, here, far, there)


def _linear_steps(net, optimizer, data, steps) -> list:
    gradients = []
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for step in range(steps):
            optimizer.zero_grad(set_to_none=False)
            net(data + step).square().mean().backward()
            gradients.append([p.grad.to("cpu", copy=True) for p in net.parameters()])
            optimizer.step()
    torch.cuda.current_stream().wait_stream(side)
    return gradients


def test_evaluation_weights():
    near, far = model(), model().cuda()
    here, there = OPTIMIZERS["lookahead"](near.parameters()), OPTIMIZERS["lookahead"](far.parameters())
    replay(near, here, train(far, there, 3))
    with here.evaluation_weights(), there.evaluation_weights():
        assert all(torch.equal(a, b.cpu()) for a, b in zip(near.parameters(), far.parameters()))
    assert_same(near, here, far, there)


def test_losses_that_are_evaluated_again():
    net = model().cuda()
    optimizer = Optimizer(net.parameters(), "sam(rho=0.05, sgd(lr=0.1))")
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = net(torch.full((8, 256), 0.3, device="cuda")).square().mean()
        loss.backward()
        losses.append(float(loss))
        return loss

    optimizer.step(closure)
    optimizer.step(closure)
    assert len(losses) == 4 and losses[1] > losses[0] > losses[2]


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_two_gpus_and_the_cpu():
    near = nn.ModuleList(nn.Linear(256, 256) for _ in range(3))
    far = copy.deepcopy(near)
    far[0].to("cuda:0")
    far[1].to("cuda:1")
    here, there = SGD(near.parameters(), lr=0.1), SGD(far.parameters(), lr=0.1)
    for step in range(3):
        there.zero_grad()
        for layer in far:
            layer(torch.full((4, 256), step + 1.0, device=layer.weight.device)).square().mean().backward()
        gradients = [[p.grad.to("cpu", copy=True) for p in far.parameters()]]
        there.step()
        replay(near, here, gradients)
    assert_same(near, here, far, there)


def test_a_model_that_moves_to_the_gpu():
    near, far = model(), model()
    here, there = AdamW(near.parameters(), lr=1e-2), AdamW(far.parameters(), lr=1e-2)
    replay(near, here, train(far, there, 2))
    far.cuda()
    replay(near, here, train(far, there, 2))
    assert_same(near, here, far, there)
    far.cpu()
    replay(near, here, train(far, there, 2))
    assert_same(near, here, far, there)
