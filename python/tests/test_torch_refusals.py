"""What is refused, or meant otherwise: state inside evaluation_weights(), schedules below 0, odd arguments."""

import copy
import pickle

import pytest
import torch
from optplug.torch import Adam, Lookahead, Optimizer


def test_no_state_is_saved_inside_evaluation_weights():
    p = torch.nn.Parameter(torch.randn(8))
    ours = Lookahead(Adam([p], lr=0.1), k=5)
    for _ in range(3):
        p.grad = torch.ones(8)
        ours.step()
    before = copy.deepcopy(ours.state_dict())
    with ours.evaluation_weights():
        for save in (ours.state_dict, lambda: copy.deepcopy(ours), lambda: pickle.dumps(ours)):
            with pytest.raises(RuntimeError, match="after evaluation_weights"):
                save()
    assert torch.equal(ours.state_dict()["state"][0]["slow"], before["state"][0]["slow"])


def test_a_schedule_that_ends_a_rounding_below_zero():
    p, q = (torch.nn.Parameter(torch.arange(8.0)) for _ in range(2))
    optimizers = [Adam([p], lr=0.1), torch.optim.Adam([q], lr=0.1, fused=True)]
    schedulers = [
        torch.optim.lr_scheduler.LinearLR(o, start_factor=1 / 3, end_factor=0, total_iters=37) for o in optimizers
    ]
    for _ in range(40):
        for optimizer, scheduler in zip(optimizers, schedulers):
            optimizer.param_groups[0]["params"][0].grad = torch.ones(8)
            optimizer.step()
            scheduler.step()
    assert schedulers[1].get_last_lr()[0] < 0  # else this tests nothing
    torch.testing.assert_close(p, q, rtol=0, atol=1e-7)


def test_arguments_of_another_kind_are_named():
    params = [torch.nn.Parameter(torch.ones(1))]
    with pytest.raises(TypeError, match="expression is a list"):
        Optimizer("adam", params)
    with pytest.raises(TypeError, match="search_path is a list of folders"):
        Optimizer(params, "adam", search_path="/usr/lib")
    for wrong in (0.9, (1, 2, 3)):
        with pytest.raises(TypeError, match="betas is a pair"):
            Optimizer(params, "adam", betas=wrong)


def test_an_expression_with_a_character_0():
    with pytest.raises(ValueError, match="character 0"):
        Optimizer([torch.nn.Parameter(torch.ones(1))], "adam\0(lr=1)")
