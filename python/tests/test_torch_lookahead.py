"""Lookahead: against a plain loop over torch's optimizer, and how it and its base share groups and state."""

import pytest
import torch
from helpers import assert_same, parameters, put_back, set_gradients, take_steps, trained
from optplug.torch import SGD, Adam, AdamW, Lookahead, Optimizer


def by_hand(optimizer: torch.optim.Optimizer, k: int, alpha: float, count: int) -> list[torch.Tensor]:
    """The paper's algorithm, in float32 as a step of the plugin computes it."""
    slow = [p.detach().clone() for p in trained(optimizer)]
    for number in range(count):
        set_gradients(trained(optimizer), number)
        optimizer.step()
        if (number + 1) % k == 0:
            with torch.no_grad():
                for s, p in zip(slow, trained(optimizer)):
                    s.add_(p - s, alpha=alpha)
                    p.copy_(s)
    return slow


@pytest.mark.parametrize("k,alpha", [(1, 0.5), (2, 0.5), (3, 0.8), (2, 0.0), (2, 1.0)])
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_the_papers_algorithm(name, k, alpha):
    theirs = getattr(torch.optim, name)(parameters(), lr=0.1, fused=True)
    slow = by_hand(theirs, k, alpha, 7)
    for ours in (
        Lookahead(name, parameters(), k=k, alpha=alpha, lr=0.1),
        Lookahead(getattr(torch.optim, name)(parameters(), lr=0.1), k=k, alpha=alpha),
        Lookahead({"SGD": SGD, "Adam": Adam, "AdamW": AdamW}[name](parameters(), lr=0.1), k=k, alpha=alpha),
        Lookahead(getattr(torch.optim, name), parameters(), k=k, alpha=alpha, lr=0.1),
        Optimizer(parameters(), f"lookahead(k={k}, alpha={alpha}, {name.lower()}(lr=0.1))"),
    ):
        take_steps(ours, count=7)
        torch.testing.assert_close(trained(ours), trained(theirs), rtol=1e-6, atol=1e-6)
        with ours.evaluation_weights():
            torch.testing.assert_close([p.detach() for p in trained(ours)], slow, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(trained(ours), trained(theirs), rtol=1e-6, atol=1e-6)


def test_a_base_is_taken_over_with_its_state():
    for kind in (Adam, torch.optim.Adam):
        base = kind(parameters(), lr=0.1)
        plain = Adam(parameters(), lr=0.1)
        take_steps(base, 0, 3)
        take_steps(plain, 0, 3)
        with torch.no_grad():
            for p, q in zip(trained(plain), trained(base)):
                p.copy_(q)
        plain.load_state_dict(base.state_dict())
        wrapped = Lookahead(base, k=100)
        take_steps(wrapped, 3, 3)
        take_steps(plain, 3, 3)
        assert_same(trained(wrapped), trained(plain))


@pytest.mark.parametrize("kind", [Adam, torch.optim.Adam, lambda p, lr: Optimizer(p, "adam", lr=lr)], ids=str)
def test_a_group_added_later_gets_the_bases_defaults(kind):
    wrapped = Lookahead(kind(parameters(), lr=0.25), k=3)
    wrapped.add_param_group({"params": parameters([(8,)], seed=9)})
    assert wrapped.param_groups[1]["lr"] == 0.25 and wrapped.param_groups[1]["k"] == 3
    take_steps(wrapped)


def test_the_base_shows_what_its_lookahead_has():
    base = Adam(parameters(), lr=0.1)
    wrapped = Lookahead(base, k=2)
    base.add_param_group({"params": parameters([(8,)], seed=9)})
    assert base.param_groups is wrapped.param_groups and wrapped.param_groups[1]["k"] == 2
    take_steps(wrapped, 0, 3)
    assert base.state is wrapped.state
    with base.evaluation_weights():
        shown = [p.detach().clone() for p in trained(base)]
    assert_same(shown, [wrapped.state[p]["slow"] for p in trained(wrapped)])
    saved = base.state_dict()
    assert "slow" in saved["state"][0]
    weights = [p.detach().clone() for p in trained(wrapped)]
    saved = {**saved, "state": {i: {k: v.clone() for k, v in s.items()} for i, s in saved["state"].items()}}
    take_steps(wrapped, 3, 2)
    after = [p.detach().clone() for p in trained(wrapped)]
    put_back(wrapped, weights)
    base.load_state_dict(saved)
    take_steps(wrapped, 3, 2)
    assert_same(trained(wrapped), after)
    base.zero_grad()
    assert all(p.grad is None for p in trained(wrapped))
    with pytest.raises(RuntimeError, match="base of a Lookahead; call that one's step"):
        base.step()


def test_names_of_the_base_do_not_hide_lookaheads():
    base = Optimizer(parameters(), "rmsprop(alpha=0.9)", lr=0.1)
    wrapped = Lookahead(base, k=2, alpha=0.25)
    assert (wrapped.param_groups[0]["alpha"], wrapped.param_groups[0]["base.alpha"]) == (0.25, 0.9)
    tree = Optimizer(parameters(), "lookahead(k=2, alpha=0.25, rmsprop(alpha=0.9, lr=0.1))")
    for optimizer in (wrapped, tree):
        take_steps(optimizer, 0, 3)
        optimizer.param_groups[0]["alpha"] = 0.75
        take_steps(optimizer, 3, 2)
    assert_same(trained(wrapped), trained(tree))
    wrapped.add_param_group({"params": parameters([(8,)], seed=9), "alpha": 0.125})
    assert (wrapped.param_groups[1]["alpha"], wrapped.param_groups[1]["base.alpha"]) == (0.125, 0.9)
    del wrapped.param_groups[1]
    alone = Optimizer(parameters(), "rmsprop(alpha=0.8)", lr=0.2)
    take_steps(alone)
    wrapped.load_state_dict(alone.state_dict())
    group = wrapped.param_groups[0]
    assert (group["alpha"], group["base.alpha"], group["lr"], group["k"]) == (0.25, 0.8, 0.2, 2)
    take_steps(wrapped)


def test_settings_change_between_steps():
    ours, expected = Lookahead("SGD", parameters(), k=100), Optimizer(parameters(), "lookahead(k=100, sgd)")
    for optimizer in (ours, expected):
        take_steps(optimizer, 0, 3)
        optimizer.param_groups[0].update(k=2, alpha=0.9, lr=0.3)
        take_steps(optimizer, 3, 4)
    assert_same(trained(ours), trained(expected))


@pytest.mark.parametrize("mode", ["none", "reset", "pullback", "reset_all"])
@pytest.mark.parametrize("init", ["copy", "lazy"])
def test_modes_are_those_of_the_expression(mode, init):
    ours = Lookahead("Adam", parameters(), k=2, init=init, momentum_mode=mode)
    tree = Optimizer(parameters(), f"lookahead(k=2, init={init}, momentum={mode}, adam)")
    for optimizer in (ours, tree):
        take_steps(optimizer, count=5)
    assert_same(trained(ours), trained(tree))
    for p, q in zip(trained(ours), trained(tree)):
        assert_same(ours.state[p].values(), tree.state[q].values())


@pytest.mark.parametrize("start", [0, 1, 3])
def test_a_checkpoint_between_two_syncs(start):
    ours = Lookahead("Adam", parameters(), k=4)
    take_steps(ours, 0, start)
    other = Lookahead("Adam", [p.detach().clone().requires_grad_() for p in trained(ours)])
    other.load_state_dict(ours.state_dict())
    assert other.param_groups[0]["k"] == 4
    take_steps(ours, start, 6)
    take_steps(other, start, 6)
    assert_same(trained(ours), trained(other))


def test_what_cannot_be_wrapped():
    p = parameters()
    with pytest.raises(TypeError, match="LBFGS cannot be wrapped"):
        Lookahead(torch.optim.LBFGS(p))
    base = Adam(p)
    Lookahead(base)
    with pytest.raises(TypeError, match="base of another one already"):
        Lookahead(base)
    with pytest.raises(TypeError, match="lookahead\\(lookahead\\(adam\\)\\)"):
        Lookahead(Lookahead("Adam", p))
    with pytest.raises(TypeError, match="needs params"):
        Lookahead("Adam")
    with pytest.raises(TypeError, match="no params and no options"):
        Lookahead(Adam(p), lr=3)
    with pytest.raises(Exception, match="adamm"):
        Lookahead("Adamm", p)


@pytest.mark.parametrize(
    "options",
    [
        {"k": 0},
        {"k": 1.5},
        {"k": -1},
        {"alpha": 1.5},
        {"alpha": -0.1},
        {"alpha": float("nan")},
        {"init": "x"},
        {"momentum_mode": "x"},
        {"k": "many"},
        {"k": float("nan")},
    ],
    ids=str,
)
def test_settings_are_refused(options):
    with pytest.raises((ValueError, TypeError)):
        Lookahead("Adam", parameters(), **options)


def test_the_nested_expression_works():
    ours = Optimizer(parameters(), "lookahead(k=2, lookahead(k=3, sgd(lr=0.1)))")
    take_steps(ours, count=6)
    assert ours.param_groups[0]["k"] == 2 and ours.param_groups[0]["base.k"] == 3
    with ours.evaluation_weights():
        assert all(p.isfinite().all() for p in trained(ours))


def test_evaluation_weights():
    ours = Lookahead("SGD", parameters(), k=10, lr=0.5)
    with ours.evaluation_weights():
        pass  # nothing yet
    start = [p.detach().clone() for p in trained(ours)]
    take_steps(ours, count=3)
    fast = [p.detach().clone() for p in trained(ours)]
    with pytest.raises(ZeroDivisionError), ours.evaluation_weights():
        assert_same(trained(ours), start)
        with ours.evaluation_weights():
            assert_same(trained(ours), start)
        assert_same(trained(ours), start)
        with pytest.raises(RuntimeError, match="inside evaluation_weights"):
            ours.step()
        raise ZeroDivisionError
    assert_same(trained(ours), fast)
    take_steps(ours, 3, 1)
