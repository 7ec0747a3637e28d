"""Checkpoints: to and from torch's optimizers, through files, and what is refused."""

import io

import pytest
import torch
from helpers import assert_same, assert_same_state, network, parameters, put_back, take_steps, train, trained
from optplug.torch import SGD, Adam, AdamW, Lookahead, Optimizer

PAIRS = [
    (SGD, torch.optim.SGD, {"momentum": 0.9, "dampening": 0.5}, {}),
    (SGD, torch.optim.SGD, {}, {}),
    (Adam, torch.optim.Adam, {"amsgrad": True}, {"fused": True}),
    (AdamW, torch.optim.AdamW, {}, {"fused": True}),
]


def through_a_file(state_dict: dict) -> dict:
    buffer = io.BytesIO()
    torch.save(state_dict, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("first", [True, False], ids=["from torch", "to torch"])
@pytest.mark.parametrize("our_class,their_class,options,fused", PAIRS, ids=str)
def test_a_checkpoint_continues_on_the_other_side(our_class, their_class, options, fused, first):
    def make(ours):
        return our_class(parameters(), **options) if ours else their_class(parameters(), **options, **fused)

    start, end = make(not first), make(first)
    take_steps(start, 0, 3)
    with torch.no_grad():
        for target, source in zip(trained(end), trained(start)):
            target.copy_(source)
    end.load_state_dict(through_a_file(start.state_dict()))
    take_steps(end, 3, 3)
    take_steps(start, 3, 3)
    assert_same(trained(end), trained(start))
    assert_same_state(end.state_dict(), start.state_dict())


@pytest.mark.parametrize("our_class,their_class,options,fused", PAIRS, ids=str)
def test_state_has_torchs_keys_shapes_and_types(our_class, their_class, options, fused):
    ours, theirs = our_class(parameters(), **options), their_class(parameters(), **options, **fused)
    take_steps(ours)
    take_steps(theirs)
    described = [
        {i: {k: (v.dtype, v.shape) for k, v in s.items()} for i, s in o.state_dict()["state"].items()}
        for o in (ours, theirs)
    ]
    assert described[0] == described[1]
    assert ours.state_dict()["param_groups"][0].keys() == theirs.state_dict()["param_groups"][0].keys()


def test_a_checkpoint_of_an_old_torch():
    theirs = torch.optim.Adam(parameters(), amsgrad=True, fused=True)
    take_steps(theirs)
    saved = theirs.state_dict()
    for entry in saved["state"].values():
        entry["step"] = int(entry["step"])  # a number before torch 1.12
    for key in ("foreach", "maximize", "capturable", "differentiable", "fused", "decoupled_weight_decay"):
        del saved["param_groups"][0][key]
    ours = Adam([p.detach().clone().requires_grad_() for p in trained(theirs)])
    ours.load_state_dict(saved)
    take_steps(ours, 3)
    for entry in saved["state"].values():
        entry["step"] = torch.tensor(float(entry["step"]))
    take_steps(theirs, 3)
    assert_same(trained(ours), trained(theirs))


def test_momentum_that_is_none_in_the_checkpoint():
    ours = SGD(parameters(), momentum=0.9, dampening=0.5)
    saved = ours.state_dict()
    saved["state"] = {i: {"momentum_buffer": None} for i in range(3)}
    ours.load_state_dict(saved)
    theirs = torch.optim.SGD(parameters(), momentum=0.9, dampening=0.5)
    take_steps(ours)
    take_steps(theirs)
    assert_same(trained(ours), trained(theirs))


def test_a_loaded_state_dict_is_not_aliased():
    one, other = Adam(parameters()), Adam(parameters())
    take_steps(one, 0, 2)
    live = one.state_dict()
    other.load_state_dict(live)
    kept = {i: {k: v.clone() for k, v in s.items()} for i, s in live["state"].items()}
    take_steps(one, 2, 1)  # writes into `live`
    assert_same_state(other.state_dict(), {"state": kept})
    take_steps(other, 5, 2)
    fresh = Adam(parameters())
    take_steps(fresh, 0, 3)
    assert_same_state(one.state_dict(), fresh.state_dict())


def test_state_of_the_model_is_not_aliased():
    one, other = Adam(parameters()), Adam(parameters())
    state = one.state_dict()
    state["state"]["model"] = {"sum": torch.ones(3)}
    other.load_state_dict(state)
    state["state"]["model"]["sum"].zero_()
    assert other.state["model"]["sum"].tolist() == [1, 1, 1]


def test_loading_into_the_optimizer_itself_goes_back_in_time():
    ours = Adam(parameters())
    take_steps(ours, 0, 2)
    weights = [p.detach().clone() for p in trained(ours)]
    saved = through_a_file(ours.state_dict())
    take_steps(ours, 2, 2)
    after = [p.detach().clone() for p in trained(ours)]
    put_back(ours, weights)
    ours.load_state_dict(saved)
    take_steps(ours, 2, 2)
    assert_same(trained(ours), after)


@pytest.mark.parametrize(
    "kind", [Adam, lambda p: Optimizer(p, "adam"), lambda p: Lookahead("Adam", p)], ids=str
)
def test_missing_state_starts_anew(kind):
    ours, expected = kind(parameters()), kind(parameters())
    take_steps(ours, 0, 2)
    saved = ours.state_dict()
    del saved["state"][1]
    take_steps(expected, 0, 2)
    del expected.state[trained(expected)[1]]
    ours.load_state_dict(saved)
    take_steps(ours, 2, 2)
    take_steps(expected, 2, 2)
    assert_same(trained(ours), trained(expected))
    assert int(ours.state[trained(ours)[1]]["step"]) == 2


def test_unknown_state_is_kept_and_not_in_the_way():
    ours = Adam(parameters())
    take_steps(ours, 0, 2)
    saved = ours.state_dict()
    saved["state"][0]["note"] = torch.ones(5)
    saved["state"][7] = {"of": "nobody"}
    ours.load_state_dict(saved)
    take_steps(ours, 2, 1)
    expected = Adam(parameters())
    take_steps(expected, 0, 3)
    assert_same(trained(ours), trained(expected))
    assert ours.state[trained(ours)[0]]["note"].shape == (5,)


@pytest.mark.parametrize("key", ["exp_avg", "exp_avg_sq", "step"])
def test_state_of_a_wrong_shape_is_refused_before_anything_changes(key):
    ours = Adam(parameters())
    take_steps(ours, 0, 2)
    good = through_a_file(ours.state_dict())
    bad = through_a_file(good)
    bad["state"][1][key] = torch.zeros(3)
    weights = [p.detach().clone() for p in trained(ours)]
    ours.load_state_dict(bad)
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"'{key}' of parameter 1 .*\(3,\)"):
            take_steps(ours, 2, 1)
    assert_same(trained(ours), weights)
    ours.load_state_dict(good)
    take_steps(ours, 2, 1)
    expected = Adam(parameters())
    take_steps(expected, 0, 3)
    assert_same(trained(ours), trained(expected))


@pytest.mark.parametrize("change", ["groups", "sizes"])
def test_checkpoints_of_other_groups_are_refused_in_torchs_words(change):
    other = [{"params": [p]} for p in parameters()] if change == "groups" else parameters([(8,)])
    for kind in (Adam, torch.optim.Adam):
        with pytest.raises(ValueError, match="loaded state dict"):
            kind(parameters()).load_state_dict(kind(other).state_dict())


def test_load_hooks_see_and_change_what_is_loaded():
    source, target = Adam(parameters(), lr=0.5), Adam(parameters())
    take_steps(source)
    seen = []

    def halve(optimizer, loaded):
        loaded["param_groups"] = [{**group, "lr": 0.25} for group in loaded["param_groups"]]
        loaded["state"] = {i: {**s, "exp_avg": s["exp_avg"] * 0} for i, s in loaded["state"].items()}
        return loaded

    target.register_load_state_dict_pre_hook(halve)
    target.register_load_state_dict_post_hook(
        lambda o: seen.append(o.state[trained(o)[0]]["exp_avg"].abs().sum())
    )
    target.load_state_dict(source.state_dict())
    assert target.param_groups[0]["lr"] == 0.25 and seen == [0]
    assert (
        len(target._optimizer_load_state_dict_pre_hooks)
        == len(target._optimizer_load_state_dict_post_hooks)
        == 1
    )


def test_a_failed_load_leaves_no_hooks_behind():
    ours = Adam(parameters())
    with pytest.raises(KeyError):
        ours.load_state_dict({"state": {}})
    assert not ours._optimizer_load_state_dict_pre_hooks and not ours._optimizer_load_state_dict_post_hooks


def test_a_checkpoint_of_adam_in_an_expression():
    theirs = torch.optim.Adam(parameters(), betas=(0.5, 0.6), lr=0.1, fused=True)
    take_steps(theirs)
    ours = Optimizer([p.detach().clone().requires_grad_() for p in trained(theirs)], "adam")
    ours.load_state_dict(theirs.state_dict())
    assert ours.param_groups[0]["beta1"] == 0.5
    take_steps(ours, 3)
    take_steps(theirs, 3)
    assert_same(trained(ours), trained(theirs))


def test_a_checkpoint_of_adam_under_lookahead_and_back():
    base = Adam(parameters())
    take_steps(base, 0, 3)
    wrapped = Lookahead("Adam", [p.detach().clone().requires_grad_() for p in trained(base)], k=100)
    wrapped.load_state_dict(base.state_dict())
    assert wrapped.param_groups[0]["k"] == 100
    take_steps(wrapped, 3, 3)
    take_steps(base, 3, 3)
    assert_same(trained(wrapped), trained(base))
    again = Adam([p.detach().clone().requires_grad_() for p in trained(base)])
    again.load_state_dict(wrapped.state_dict())
    take_steps(again, 6, 3)
    take_steps(base, 6, 3)
    assert_same(trained(again), trained(base))


def test_training_goes_on_in_a_new_process_image():
    model, twin = network(), network()
    optimizer = AdamW(model.parameters(), lr=0.01)
    train(model, optimizer, 0, 3)
    twin.load_state_dict(through_a_file(model.state_dict()))
    resumed = AdamW(twin.parameters(), lr=0.5)
    resumed.load_state_dict(through_a_file(optimizer.state_dict()))
    assert train(model, optimizer, 3, 3) == train(twin, resumed, 3, 3)
