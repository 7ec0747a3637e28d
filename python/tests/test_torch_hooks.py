"""Hooks, closures, and what happens when they fail."""

import warnings

import pytest
import torch
from helpers import (
    assert_same,
    closure_for,
    loss_of,
    network,
    parameters,
    set_gradients,
    take_steps,
    train,
    trained,
)
from optplug.torch import SGD, Adam, Lookahead, Optimizer

KINDS = {
    "Adam": lambda p: Adam(p, lr=0.01), "Lookahead": lambda p: Lookahead("Adam", p, k=2, lr=0.01),
    "expression": lambda p: Optimizer(p, "lookahead(k=2, adam(lr=0.01))"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_all_six_hooks(kind):
    optimizer = KINDS[kind](parameters())
    seen = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before step", o, args[0] is o)))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after step", o)))
    optimizer.register_state_dict_pre_hook(lambda o: seen.append(("before saving", o)))
    optimizer.register_state_dict_post_hook(lambda o, d: {**d, "extra": 1})
    optimizer.register_load_state_dict_pre_hook(
        lambda o, d: seen.append(("before loading", o, d.pop("extra")))
    )
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append(("after loading", o)))
    take_steps(optimizer, count=2)
    optimizer.load_state_dict(optimizer.state_dict())
    o = optimizer
    steps = [("before step", o, True), ("after step", o)]
    assert seen == [*steps, *steps, ("before saving", o), ("before loading", o, 1), ("after loading", o)]


def test_a_step_hook_that_changes_the_arguments():
    optimizer = SGD(parameters())
    calls = []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: calls.append(1) or 5.0), {}))
    set_gradients(trained(optimizer), 0)
    assert optimizer.step() == 5.0 and calls == [1]


def test_global_hooks():
    from torch.optim.optimizer import register_optimizer_step_post_hook

    seen = []
    handle = register_optimizer_step_post_hook(lambda o, args, kwargs: seen.append(o))
    try:
        optimizer = Lookahead("SGD", parameters())
        take_steps(optimizer, count=2)
    finally:
        handle.remove()
    assert seen == [optimizer, optimizer]


def test_a_subclass_may_override_step():
    class Louder(Adam):
        def step(self, closure=None):
            self.count = getattr(self, "count", 0) + 1
            return super().step(closure)

    ours, expected = Louder(parameters()), Adam(parameters())
    take_steps(ours)
    take_steps(expected)
    assert ours.count == 3
    assert_same(trained(ours), trained(expected))


@pytest.mark.parametrize("kind", KINDS)
def test_a_closure_trains_as_without(kind):
    one, other = network(), network()
    with_closure, without = KINDS[kind](one.parameters()), KINDS[kind](other.parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses = [float(with_closure.step(closure_for(one, with_closure, n)).detach()) for n in range(4)]
    assert losses == train(other, without, count=4)
    assert_same(one.parameters(), other.parameters())


@pytest.mark.parametrize("result", [None, 3, torch.ones(2), (1, 2), {"loss": 1}, "text"], ids=str)
def test_a_closure_may_return_anything(result):
    optimizer = Adam(parameters())
    set_gradients(trained(optimizer), 0)
    assert optimizer.step(lambda: result) is result
    assert int(optimizer.state[trained(optimizer)[0]]["step"]) == 1


def test_gradients_are_enabled_in_a_closure_and_not_afterwards():
    optimizer = SGD(parameters())
    seen = []
    with torch.no_grad():
        optimizer.step(lambda: seen.append(torch.is_grad_enabled()))
        assert not torch.is_grad_enabled()
    assert seen == [True]


def sam_by_hand(model: torch.nn.Module, optimizer: torch.optim.Optimizer, number: int, rho: float) -> None:
    """Foret et al. 2020, step by step."""
    optimizer.zero_grad()
    loss_of(model, number).backward()
    own = list(model.parameters())
    before = [p.detach().clone() for p in own]
    norm = torch.stack([p.grad.double().pow(2).sum() for p in own]).sum().sqrt()
    with torch.no_grad():
        for p in own:
            p.add_(p.grad * (rho / norm).float())
    optimizer.zero_grad()
    loss_of(model, number).backward()
    with torch.no_grad():
        for p, old in zip(own, before):
            p.copy_(old)
    optimizer.step()


@pytest.mark.parametrize("to_none", [True, False], ids=["new gradients", "same gradients"])
def test_sam_evaluates_the_loss_again(to_none):
    model, twin = network(), network()
    ours = Optimizer(model.parameters(), "sam(rho=0.1, sgd(lr=0.1, momentum=0.9))")
    theirs = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9)
    assert ours.reevaluates
    for number in range(4):
        calls = []

        def closure(number=number, calls=calls):
            calls.append(1)
            ours.zero_grad(set_to_none=to_none)
            loss = loss_of(model, number)
            loss.backward()
            return loss

        ours.step(closure)
        assert len(calls) == 2
        sam_by_hand(twin, theirs, number, 0.1)
    for a, b in zip(model.parameters(), twin.parameters()):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_sam_without_a_closure_is_refused():
    optimizer = Optimizer(parameters(), "sam(sgd)")
    set_gradients(trained(optimizer), 0)
    with pytest.raises(RuntimeError, match="step\\(closure\\)"):
        optimizer.step()


@pytest.mark.parametrize("expression", ["sam(sgd(lr=0.1, momentum=0.9))", "lookahead(k=2, sam(adam))"])
@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_an_optimizer_is_usable_after_a_closure_failed(expression, call, error):
    model, twin = network(), network()
    ours, expected = (Optimizer(m.parameters(), expression) for m in (model, twin))
    for number in range(2):
        ours.step(closure_for(model, ours, number))
        expected.step(closure_for(twin, expected, number))
    calls = []

    def failing():
        calls.append(1)
        if len(calls) == call:
            raise error("on purpose")
        return closure_for(model, ours, 2)()

    with pytest.raises(error, match="on purpose"):
        ours.step(failing)
    assert_same(model.parameters(), twin.parameters())
    for number in range(2, 5):
        ours.step(closure_for(model, ours, number))
        expected.step(closure_for(twin, expected, number))
    assert_same(model.parameters(), twin.parameters())


@pytest.mark.parametrize("expression", ["adam", "sam(adam)"])
def test_a_closure_may_save_the_state(expression):
    model = network()
    ours = Optimizer(model.parameters(), expression)
    saved = []

    def closure():
        saved.append(ours.state_dict())
        return closure_for(model, ours)()

    ours.step(closure)
    ours.step(closure)
    assert len(saved) == (4 if "sam" in expression else 2)
    assert not saved[0]["state"] and len(saved[-1]["state"]) == 4


def test_a_closure_that_steps_in_a_reevaluation_is_refused():
    model = network()
    ours = Optimizer(model.parameters(), "sam(adam)")
    calls = []

    def closure():
        calls.append(1)
        loss = closure_for(model, ours)()
        if len(calls) == 2:
            ours.step(closure_for(model, ours))
        return loss

    with pytest.raises(RuntimeError):
        ours.step(closure)
    ours.step(closure_for(model, ours))
    assert all(p.isfinite().all() for p in model.parameters())


def test_sam_with_sparse_gradients():
    one, other = torch.nn.Embedding(16, 8, sparse=True), torch.nn.Embedding(16, 8)
    other.load_state_dict(one.state_dict())
    for embedding in (one, other):
        optimizer = Optimizer(embedding.parameters(), "sam(sgd(lr=0.1))")

        def closure(embedding=embedding, optimizer=optimizer):
            optimizer.zero_grad()
            loss = embedding(torch.tensor([1, 3, 3])).pow(2).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        optimizer.step(closure)
    assert_same(one.parameters(), other.parameters())


def test_a_graph_that_needs_the_old_weights_is_refused_as_by_torch():
    for kind in (torch.optim.SGD, SGD):
        model = network()
        optimizer = kind(model.parameters(), lr=0.1)
        loss = loss_of(model)
        loss.backward(retain_graph=True)
        optimizer.step()
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()


def test_steps_inside_backward():
    def train_in_backward(kind):
        model = network()
        optimizers = {p: kind([p]) for p in model.parameters()}

        def hook(p):
            optimizers[p].step()
            optimizers[p].zero_grad()

        for p in model.parameters():
            p.register_post_accumulate_grad_hook(hook)
        for number in range(3):
            loss_of(model, number).backward()
        return model.parameters()

    assert_same(train_in_backward(Adam), train_in_backward(lambda p: torch.optim.Adam(p, fused=True)))
