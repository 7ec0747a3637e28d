"""State is the optimizer's: it may be edited, replaced, cleared and moved by hand between two steps."""

import gc
import weakref

import pytest
import torch
from helpers import assert_same, parameters, set_gradients, take_steps, trained
from optplug.torch import SGD, Adam, Lookahead, Optimizer

EDITS = {
    "clear": lambda o, p: o.state.clear(),
    "pop": lambda o, p: o.state.pop(p[0]),
    "delete": lambda o, p: o.state.__delitem__(p[1]),
    "zero the mean": lambda o, p: o.state[p[0]]["exp_avg"].zero_(),
    "scale the squares": lambda o, p: o.state[p[1]]["exp_avg_sq"].mul_(3),
    "step back": lambda o, p: o.state[p[0]]["step"].fill_(0),
    "step set": lambda o, p: o.state[p[0]].update(step=torch.tensor(7.0)),
    "replace a tensor": lambda o, p: o.state[p[0]].update(exp_avg=torch.ones_like(p[0])),
    "replace the entry": lambda o, p: o.state.update(
        {p[2]: {"step": torch.tensor(4.0), "exp_avg": p[2].detach() * 2, "exp_avg_sq": p[2].detach() ** 2}}
    ),
    "an entry of a copy": lambda o, p: o.state.update({p[0]: {k: v.clone() for k, v in o.state[p[0]].items()}}),
    "swap": lambda o, p: o.state.update({p[0]: o.state[p[3]], p[3]: o.state[p[0]]}),
    "share": lambda o, p: o.state[p[0]].update(exp_avg=o.state[p[3]]["exp_avg"].clone()),
    "all zero": lambda o, p: [v.zero_() for s in o.state.values() for v in s.values()],
}  # fmt: skip
SHAPES = ((16, 8), (8,), (4, 2, 8), (16, 8))


@pytest.mark.parametrize("name", EDITS)
def test_edits_have_the_effect_that_they_have_in_torch(name):
    ours, theirs = Adam(parameters(SHAPES)), torch.optim.Adam(parameters(SHAPES), fused=True)
    for optimizer in (ours, theirs):
        take_steps(optimizer, 0, 2)
        EDITS[name](optimizer, trained(optimizer))
        take_steps(optimizer, 2, 3)
    assert_same(trained(ours), trained(theirs))
    for a, b in zip(trained(ours), trained(theirs)):
        assert_same(ours.state[a].values(), theirs.state[b].values())


@pytest.mark.parametrize("expression", ["adam", "lookahead(adam)"])
def test_a_swap_of_tensors_of_one_engine(expression):
    def swapped(copy):
        ours = Optimizer(parameters(SHAPES), expression)
        take_steps(ours, 0, 2)
        p = trained(ours)
        for key in ours.state[p[0]]:
            a, b = ours.state[p[0]][key], ours.state[p[3]][key]
            ours.state[p[0]][key], ours.state[p[3]][key] = (b.clone(), a.clone()) if copy else (b, a)
        take_steps(ours, 2, 2)
        return p

    assert_same(swapped(False), swapped(True))


def test_sgd_momentum_deleted_by_hand_starts_anew():
    ours, theirs = (kind(parameters(), momentum=0.9, dampening=0.5) for kind in (SGD, torch.optim.SGD))
    for optimizer in (ours, theirs):
        take_steps(optimizer, 0, 2)
        del optimizer.state[trained(optimizer)[0]]["momentum_buffer"]
        optimizer.state[trained(optimizer)[1]]["momentum_buffer"] = None
        take_steps(optimizer, 2, 2)
    assert_same(trained(ours), trained(theirs))


def test_state_that_belongs_to_no_parameter_is_left_alone():
    ours, expected = Adam(parameters()), Adam(parameters())
    take_steps(ours, 0, 1)
    ours.state["global_step"] = 7
    ours.state["note"] = {"a": 1}
    take_steps(ours, 1, 2)
    take_steps(expected, 0, 3)
    assert_same(trained(ours), trained(expected))
    assert ours.state["global_step"] == 7 and ours.state["note"] == {"a": 1}


def test_a_value_that_is_no_tensor_is_refused():
    ours = Adam(parameters())
    take_steps(ours)
    ours.state[trained(ours)[0]]["exp_avg"] = "zero"
    with pytest.raises((TypeError, ValueError)):
        take_steps(ours)


def test_state_tensors_are_the_live_ones():
    ours = Adam(parameters())
    take_steps(ours, 0, 1)
    live = ours.state[trained(ours)[0]]["exp_avg"]
    before = live.clone()
    take_steps(ours, 1, 1)
    assert live is ours.state[trained(ours)[0]]["exp_avg"] and not torch.equal(live, before)


def test_state_outlives_the_optimizer():
    ours = Optimizer(parameters(), "lookahead(k=2, adam)")
    take_steps(ours)
    kept = [value for entry in ours.state.values() for value in entry.values()]
    numbers = [value.clone() for value in kept]
    gone = weakref.ref(ours)
    del ours
    gc.collect()
    assert gone() is None
    ballast = [torch.full((1000,), float(i)) for i in range(200)]
    assert_same(kept, numbers)
    for value in kept:
        value.add_(1)
    assert len(ballast) == 200


def test_an_optimizer_that_is_dropped_frees_its_memory():
    ours = Adam(parameters())
    take_steps(ours)
    host = weakref.ref(ours._engine.host)
    del ours
    gc.collect()
    assert host() is None


def test_frozen_and_unfrozen_parameters():
    ours, theirs = Adam(parameters()), torch.optim.Adam(parameters(), fused=True)
    for step, missing in enumerate([{1}, set(), {0, 2}, {0, 1, 2}, {2}, set()]):
        for optimizer in (ours, theirs):
            p = trained(optimizer)
            set_gradients(p, step)
            for i in missing:
                p[i].grad = None
            optimizer.step()
        assert_same(trained(ours), trained(theirs))
    assert [float(ours.state[p]["step"]) for p in trained(ours)] == [
        float(theirs.state[p]["step"]) for p in trained(theirs)
    ]


def test_state_appears_only_for_parameters_that_had_a_gradient():
    ours = Lookahead("Adam", parameters())
    set_gradients(trained(ours)[1:2], 0)
    ours.step()
    assert list(ours.state) == trained(ours)[1:2]
    assert ours.state_dict()["state"].keys() == {1}


@pytest.mark.parametrize("expression", ["ema(decay=0.5, adam)", "lookahead(k=2, adam)", "schedulefree(sgd)"])
def test_parameters_frozen_in_the_middle_are_restored_alike(expression):
    def steps(optimizer, first, count):
        for number in range(first, first + count):
            set_gradients(trained(optimizer), number)
            trained(optimizer)[1].grad = None if number >= 3 else trained(optimizer)[1].grad
            optimizer.step()

    ours = Optimizer(parameters(), expression)
    steps(ours, 0, 5)
    other = Optimizer([p.detach().clone().requires_grad_() for p in trained(ours)], expression)
    other.load_state_dict(ours.state_dict())
    steps(ours, 5, 3)
    steps(other, 5, 3)
    assert_same(trained(ours), trained(other))
    with ours.evaluation_weights(), other.evaluation_weights():
        assert_same(trained(ours), trained(other))


def test_state_replaced_as_a_whole():
    from collections import defaultdict

    ours, theirs = Adam(parameters()), torch.optim.Adam(parameters(), fused=True)
    for optimizer in (ours, theirs):
        take_steps(optimizer, 0, 2)
        optimizer.state = defaultdict(dict)
        take_steps(optimizer, 2, 2)
    assert_same(trained(ours), trained(theirs))
