"""Training by several processes that each hold the whole model: DDP, ZeRO and torchrun's restarts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import optplug.torch as optplug
import pytest
import torch
from distributed.ranks import WORLD, each_rank, group  # noqa: F401
from distributed.training import STEPS, assert_same, network, train, train_alone
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.parallel import DistributedDataParallel

EXPRESSIONS = ["lookahead(k=2, adam(lr=0.01))", "muon(adam, lr=0.01)", "lamb(lr=0.01)", "adam8bit(lr=0.01)"]


@each_rank
def test_ddp_is_as_torch_and_as_one_process(rank: int) -> None:
    ours, theirs, alone = network(), network(), network()
    wrapped = DistributedDataParallel(ours)
    train(wrapped, optplug.AdamW(wrapped.parameters(), lr=1e-2), rank)
    wrapped = DistributedDataParallel(theirs)
    train(wrapped, torch.optim.AdamW(wrapped.parameters(), lr=1e-2, fused=True), rank)
    train_alone(alone, optplug.AdamW(alone.parameters(), lr=1e-2))
    assert_same(ours, theirs)
    assert_same(ours, alone)


@pytest.mark.parametrize("expression", EXPRESSIONS)
@each_rank
def test_ddp_with_gradients_in_buckets(rank: int, expression: str) -> None:
    """Gradients are views of DDP's buckets, and move when it orders the buckets anew."""
    ours, alone = network(), network()
    wrapped = DistributedDataParallel(ours, gradient_as_bucket_view=True)
    train(wrapped, optplug.Optimizer(wrapped.parameters(), expression), rank)
    train_alone(alone, optplug.Optimizer(alone.parameters(), expression))
    assert_same(ours, alone)


@pytest.mark.parametrize("as_view", [False, True])
@each_rank
def test_zero_is_as_torch_and_as_one_process(rank: int, as_view: bool) -> None:
    """ZeRO gives each rank a part of the parameters; with buckets it moves them to other memory."""
    ours, theirs, alone = network(), network(), network()
    for model, kind, options in ((ours, optplug.AdamW, {}), (theirs, torch.optim.AdamW, {"fused": True})):
        wrapped = DistributedDataParallel(model)
        optimizer = ZeroRedundancyOptimizer(
            wrapped.parameters(), optimizer_class=kind, parameters_as_bucket_view=as_view, lr=1e-2, **options
        )
        assert isinstance(optimizer.optim, kind)
        train(wrapped, optimizer, rank)
    train_alone(alone, optplug.AdamW(alone.parameters(), lr=1e-2))
    assert_same(ours, theirs)
    assert_same(ours, alone)


@pytest.mark.parametrize("expression", EXPRESSIONS)
@each_rank
def test_zero_takes_expressions(rank: int, expression: str) -> None:
    """Each rank has whole tensors, so that optimizers that need them are welcome."""
    ours, alone = network(), network()
    wrapped = DistributedDataParallel(ours)
    optimizer = ZeroRedundancyOptimizer(
        wrapped.parameters(), optimizer_class=optplug.Optimizer, expression=expression
    )
    train(wrapped, optimizer, rank)
    train_alone(alone, optplug.Optimizer(alone.parameters(), expression))
    assert_same(ours, alone)


@each_rank
def test_zero_state_goes_on_where_it_was(rank: int) -> None:
    """The consolidated state, loaded into a new ZeRO of ours and into torch's; a schedule goes on, too."""

    def prepared(kind: type[torch.optim.Optimizer], **options: bool):
        model = network()
        wrapped = DistributedDataParallel(model)
        optimizer = ZeroRedundancyOptimizer(wrapped.parameters(), optimizer_class=kind, lr=1e-2, **options)
        return model, wrapped, optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)

    def go(wrapped, optimizer, schedule, steps: range) -> None:
        for step in steps:
            train(wrapped, optimizer, rank, [step])
            schedule.step()

    whole, *rest = prepared(optplug.AdamW)
    go(*rest, range(STEPS))
    first, wrapped, optimizer, schedule = prepared(optplug.AdamW)
    go(wrapped, optimizer, schedule, range(STEPS // 2))
    saved: list[object] = []
    for receiver in range(WORLD):  # it is put together in one rank at a time
        optimizer.consolidate_state_dict(to=receiver)
        if receiver == rank:
            saved = [optimizer.state_dict()]
    for kind, options in ((optplug.AdamW, {}), (torch.optim.AdamW, {"fused": True})):
        model, wrapped, optimizer, schedule = prepared(kind, **options)
        model.load_state_dict(first.state_dict())
        optimizer.load_state_dict(saved[0])
        optimizer.param_groups[0].update(options)  # what is loaded says that it was not fused
        schedule.last_epoch = STEPS // 2
        go(wrapped, optimizer, schedule, range(STEPS // 2, STEPS))
        assert_same(model, whole)


def test_torchrun_restarts_from_a_checkpoint(tmp_path: Path) -> None:
    """One rank dies after a step; both start again from what was saved, and end as an uninterrupted run does."""
    script = Path(__file__).parent / "distributed" / "elastic.py"
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nnodes=1", f"--nproc-per-node={WORLD}", "--max-restarts=1",
        "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", "--monitor-interval=0.1", str(script), str(tmp_path),
    ]  # fmt: skip
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report == {"restarts": 1, "resumed_at": STEPS // 2}
    alone = network()
    train_alone(alone, optplug.Optimizer(alone.parameters(), "lookahead(k=4, adamw(lr=0.01))"))
    ours = network()
    ours.load_state_dict(torch.load(tmp_path / "final.pt"))
    assert_same(ours, alone)
