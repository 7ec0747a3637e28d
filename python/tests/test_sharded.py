"""Training by several processes that each hold a part of the parameters: FSDP2, tensor parallelism, DTensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optplug.torch as optplug
import pytest
import torch
import torch.distributed.checkpoint as dcp
from distributed.ranks import WORLD, each_rank, group  # noqa: F401
from distributed.training import STEPS, network, train, train_alone
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)  # fmt: skip
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)  # fmt: skip


def sharded(model: nn.Module, **options: Any) -> nn.Module:
    """The model with each layer's parameters divided among the ranks."""
    for layer in model:
        if list(layer.parameters()):
            fully_shard(layer, mesh=init_device_mesh("cpu", (WORLD,)), **options)
    return fully_shard(model, mesh=init_device_mesh("cpu", (WORLD,)), **options)


def assert_whole_same(ours: nn.Module, theirs: nn.Module, **tolerance: float) -> None:
    """Every rank's part put together: the same bits, or within a tolerance."""
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters()):
        a, b = (p.full_tensor() if isinstance(p, DTensor) else p for p in (a, b))
        torch.testing.assert_close(a, b, msg=lambda text: f"{name}: {text}", **tolerance or {"rtol": 0, "atol": 0})


@each_rank
def test_adamw_is_as_torch_and_as_one_process(rank: int) -> None:
    """Both ranks' gradients are added in the same order as alone, so that even this has the same bits."""
    ours, theirs, alone = sharded(network()), sharded(network()), network()
    train(ours, optimizer := optplug.AdamW(ours.parameters(), lr=1e-2), rank)
    train(theirs, torch.optim.AdamW(theirs.parameters(), lr=1e-2, fused=True), rank)
    train_alone(alone, optplug.AdamW(alone.parameters(), lr=1e-2))
    assert_whole_same(ours, theirs)
    assert_whole_same(ours, alone)
    weight = ours[0].weight
    state = optimizer.state[weight]["exp_avg"]
    assert isinstance(state, DTensor) and state.placements == weight.placements and state.shape == weight.shape
    assert state.to_local().shape == weight.to_local().shape


@pytest.mark.parametrize(
    "expression",
    ["lookahead(k=2, adam(lr=0.01))", "ema(adamw(lr=0.01))", "lion(lr=0.01)", "sgd(lr=0.1, momentum=0.9)"],
)
@each_rank
def test_elementwise_expressions_are_as_in_one_process(rank: int, expression: str) -> None:
    ours, alone = sharded(network()), network()
    train(ours, sharded_one := optplug.Optimizer(ours.parameters(), expression), rank)
    train_alone(alone, whole_one := optplug.Optimizer(alone.parameters(), expression))
    assert_whole_same(ours, alone)
    with sharded_one.evaluation_weights(), whole_one.evaluation_weights():
        assert_whole_same(ours, alone)


@each_rank
def test_blocks_of_8_bits(rank: int, tmp_path: Path) -> None:
    """The parts are whole blocks here, so that their scales together are those of one process; saved and read again."""

    def wide() -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(16, 512), nn.Tanh(), nn.Linear(512, 16, bias=False))

    def make(model: nn.Module) -> optplug.Optimizer:
        return optplug.Optimizer(model.parameters(), "adam8bit(lr=0.01)")

    ours, alone = sharded(wide()), wide()
    train(ours, optimizer := make(ours), rank, range(3))
    train_alone(alone, whole := make(alone), range(3))
    assert_whole_same(ours, alone)
    full = get_optimizer_state_dict(ours, optimizer, options=StateDictOptions(full_state_dict=True))["state"]
    for key, value in whole.state[alone[0].weight].items():
        assert torch.equal(full["0.weight"][key], value), key
    assert full["0.weight"]["exp_avg"].dtype is torch.uint8
    dcp.save(get_optimizer_state_dict(ours, optimizer), checkpoint_id=tmp_path)
    resumed = sharded(wide())
    optimizer = make(resumed)
    content = get_optimizer_state_dict(resumed, optimizer)
    dcp.load(content, checkpoint_id=tmp_path)
    resumed.load_state_dict(ours.state_dict())
    set_optimizer_state_dict(resumed, optimizer, content)
    train(resumed, optimizer, rank, range(3, STEPS))
    train_alone(alone, whole, range(3, STEPS))
    assert_whole_same(resumed, alone)


@pytest.mark.parametrize("expression", ["muon(adam)", "lamb", "lars", "adafactor", "sam(sgd)", "lookahead(lamb)"])
@each_rank
def test_optimizers_of_whole_tensors_are_refused(rank: int, expression: str) -> None:
    model = sharded(network())
    optimizer = optplug.Optimizer(model.parameters(), expression)
    with pytest.raises(ValueError, match="needs whole tensors.*DTensors"):
        train(model, optimizer, rank, [0])


@each_rank
def test_uneven_and_empty_parts(rank: int) -> None:
    """Five rows are three and two; one row is one and none. The tails of torch's loops round otherwise than ours."""

    def odd() -> nn.Module:
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(16, 5), nn.Tanh(), nn.Linear(5, 1), nn.Linear(1, 16))

    ours, theirs, alone = sharded(odd()), sharded(odd()), odd()
    train(ours, optplug.AdamW(ours.parameters(), lr=1e-2), rank)
    train(theirs, torch.optim.AdamW(theirs.parameters(), lr=1e-2, fused=True), rank)
    train_alone(alone, optplug.AdamW(alone.parameters(), lr=1e-2))
    assert_whole_same(ours, theirs, rtol=1e-5, atol=1e-6)
    assert_whole_same(ours, alone)


@each_rank
def test_mixed_precision_clipping_and_hybrid_sharding(rank: int) -> None:
    """Gradients in bfloat16 that are reduced in float32; a mesh of replicas and shards; clipped by a DTensor norm."""
    mesh = init_device_mesh("cpu", (1, WORLD), mesh_dim_names=("replicate", "shard"))
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    models = []
    for kind, options in ((optplug.AdamW, {}), (torch.optim.AdamW, {"fused": True})):
        model = fully_shard(network(), mesh=mesh, mp_policy=policy)
        optimizer = kind(model.parameters(), lr=1e-2, **options)
        for step in range(STEPS):
            optimizer.zero_grad()
            model(torch.randn(8, 16, generator=torch.Generator().manual_seed(step))).float().square().mean().backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
        models.append(model)
    assert_whole_same(*models)


@pytest.mark.parametrize("full", [False, True])
@each_rank
def test_state_dict_helpers(rank: int, full: bool) -> None:
    """State by names of the parameters, of the shards or of the whole; into an optimizer that has taken no step."""
    expression, options = "lookahead(k=4, adamw(lr=0.01))", StateDictOptions(full_state_dict=full)
    alone = network()
    train_alone(alone, optplug.Optimizer(alone.parameters(), expression))
    first = sharded(network())
    optimizer = optplug.Optimizer(first.parameters(), expression)
    train(first, optimizer, rank, range(STEPS // 2))
    saved = get_optimizer_state_dict(first, optimizer, options=options)
    slow = saved["state"]["0.weight"]["slow"]
    assert isinstance(slow, DTensor) is not full and tuple(slow.shape) == (32, 16)
    second = sharded(network())
    second.load_state_dict(first.state_dict())
    optimizer = optplug.Optimizer(second.parameters(), expression)
    set_optimizer_state_dict(second, optimizer, saved, options=options)
    train(second, optimizer, rank, range(STEPS // 2, STEPS))
    assert_whole_same(second, alone)


@each_rank
def test_full_state_of_one_process_is_sharded(rank: int) -> None:
    """What torch's AdamW saved in one process, broadcast from rank 0 into shards of ours."""
    alone = network()
    theirs = torch.optim.AdamW(alone.parameters(), lr=1e-2, fused=True)
    train_alone(alone, theirs, range(STEPS // 2))
    ours = sharded(network())
    for parameter, value in zip(ours.parameters(), alone.parameters()):
        parameter.detach().copy_(DTensor.from_local(value, ours[0].weight.device_mesh, [Replicate()]))
    saved = get_optimizer_state_dict(alone, theirs)
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    optimizer = optplug.AdamW(ours.parameters(), lr=1e-2)
    set_optimizer_state_dict(ours, optimizer, saved if rank == 0 else {}, options=options)
    train(ours, optimizer, rank, range(STEPS // 2, STEPS))
    train_alone(alone, theirs, range(STEPS // 2, STEPS))
    assert_whole_same(ours, alone)


@each_rank
def test_distributed_checkpoint(rank: int, tmp_path: Path) -> None:
    """Written by both ranks as shards, read into a new model and optimizer."""
    expression = "lookahead(k=4, adamw(lr=0.01))"
    whole = sharded(network())
    train(whole, optplug.Optimizer(whole.parameters(), expression), rank)
    first = sharded(network())
    optimizer = optplug.Optimizer(first.parameters(), expression)
    train(first, optimizer, rank, range(STEPS // 2))
    dcp.save({"model": get_model_state_dict(first), "optimizer": get_optimizer_state_dict(first, optimizer)},
             checkpoint_id=tmp_path)  # fmt: skip
    second = sharded(network())
    optimizer = optplug.Optimizer(second.parameters(), expression)
    content = {"model": get_model_state_dict(second), "optimizer": get_optimizer_state_dict(second, optimizer)}
    dcp.load(content, checkpoint_id=tmp_path)
    second.load_state_dict(content["model"])
    set_optimizer_state_dict(second, optimizer, content["optimizer"])
    train(second, optimizer, rank, range(STEPS // 2, STEPS))
    assert_whole_same(second, whole)


@each_rank
def test_tensor_parallelism(rank: int) -> None:
    """Rows, columns and replicas; gradients of replicas come as partial sums, still to be added up."""

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(2)
            self.norm, self.up, self.down = nn.LayerNorm(16), nn.Linear(16, 32), nn.Linear(32, 16)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.down(self.up(self.norm(x)).relu())

    mesh = init_device_mesh("cpu", (WORLD,))
    plan = {
        "norm": SequenceParallel(),
        "up": ColwiseParallel(input_layouts=Shard(1)),
        "down": RowwiseParallel(output_layouts=Replicate()),
    }
    models = []
    for kind, options in ((optplug.AdamW, {}), (torch.optim.AdamW, {"fused": True})):
        model = parallelize_module(Block(), mesh, plan)
        optimizer = kind(model.parameters(), lr=1e-2, **options)
        for step in range(STEPS):
            optimizer.zero_grad()
            part = torch.randn(2, 8, 16, generator=torch.Generator().manual_seed(10 * step + rank))
            model(part).square().mean().backward()
            gradient = model.norm.weight.grad
            assert isinstance(gradient, DTensor) and gradient.placements[0].is_partial()
            optimizer.step()
        models.append(model)
    assert models[0].down.weight.placements == (Shard(1),)
    assert_whole_same(*models)
