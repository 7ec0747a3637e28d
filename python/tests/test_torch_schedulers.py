"""Every scheduler of torch gives the weights that it gives with torch's optimizer."""

import warnings

import pytest
import torch
from helpers import assert_same, parameters, set_gradients, take_steps, trained
from optplug.torch import SGD, Adam, AdamW, Lookahead, Optimizer

S = torch.optim.lr_scheduler
SCHEDULERS = {
    "LambdaLR": lambda o: S.LambdaLR(o, lambda epoch: 0.9**epoch),
    "MultiplicativeLR": lambda o: S.MultiplicativeLR(o, lambda epoch: 0.9),
    "StepLR": lambda o: S.StepLR(o, 2),
    "MultiStepLR": lambda o: S.MultiStepLR(o, [1, 3]),
    "ConstantLR": lambda o: S.ConstantLR(o, total_iters=3),
    "LinearLR": lambda o: S.LinearLR(o, total_iters=4),
    "ExponentialLR": lambda o: S.ExponentialLR(o, 0.8),
    "PolynomialLR": lambda o: S.PolynomialLR(o, 5, 2.0),
    "CosineAnnealingLR": lambda o: S.CosineAnnealingLR(o, 4),
    "CosineAnnealingWarmRestarts": lambda o: S.CosineAnnealingWarmRestarts(o, 3),
    "CyclicLR": lambda o: S.CyclicLR(o, 0.001, 0.1, step_size_up=2),
    "OneCycleLR": lambda o: S.OneCycleLR(o, 0.1, total_steps=8),
    "ReduceLROnPlateau": lambda o: S.ReduceLROnPlateau(o, patience=0),
    "SequentialLR": lambda o: S.SequentialLR(o, [S.ConstantLR(o), S.ExponentialLR(o, 0.5)], [2]),
    "ChainedScheduler": lambda o: S.ChainedScheduler([S.ConstantLR(o), S.ExponentialLR(o, 0.5)]),
    "SWALR": lambda o: torch.optim.swa_utils.SWALR(o, 0.05, anneal_epochs=3),
}
KINDS = {
    "SGD": (lambda p, lr: SGD(p, lr=lr, momentum=0.9), lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9)),
    "AdamW": (lambda p, lr: AdamW(p, lr=lr), lambda p, lr: torch.optim.AdamW(p, lr=lr, fused=True)),
    "Lookahead": (
        lambda p, lr: Lookahead("SGD", p, k=1000, lr=lr, momentum=0.9),
        lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    ),
    "expression": (
        lambda p, lr: Optimizer(p, "lookahead(k=1000, sgd(momentum=0.9))", lr=lr),
        lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9),
    ),
}  # fmt: skip


def run(optimizer, scheduler):
    for step in range(7):
        set_gradients(trained(optimizer), step)
        optimizer.step()
        scheduler.step(*([1.0] if isinstance(scheduler, S.ReduceLROnPlateau) else []))


def test_no_scheduler_is_left_out():
    known = {
        name
        for name in dir(S)
        if isinstance(getattr(S, name), type) and issubclass(getattr(S, name), S.LRScheduler)
    }
    assert known - {"LRScheduler", "_LRScheduler"} <= SCHEDULERS.keys()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers(name, kind):
    if kind == "expression" and name in ("CyclicLR", "OneCycleLR"):
        pytest.skip("they ask for a momentum by torch's name, and in a tree it may have a longer one")
    results = []
    for make in KINDS[kind]:
        optimizer = make(parameters([(16, 8), (8,)]), 0.05)
        run(optimizer, SCHEDULERS[name](optimizer))
        results.append((trained(optimizer), optimizer.param_groups[0]["lr"]))
    assert_same(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["StepLR", "LinearLR", "CosineAnnealingLR"])
def test_a_learning_rate_in_a_tensor(name, kind):
    results = []
    for make in KINDS[kind]:
        optimizer = make(parameters([(16, 8)]), torch.tensor(0.05, dtype=torch.float64))
        rate = optimizer.param_groups[0]["lr"]
        run(optimizer, SCHEDULERS[name](optimizer))
        assert optimizer.param_groups[0]["lr"] is rate  # changed in place
        results.append(trained(optimizer))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("which", ["ours", "torch's"])
def test_a_scheduler_made_for_the_base_goes_on_working(which):
    base = SGD(parameters(), lr=0.1) if which == "ours" else torch.optim.SGD(parameters(), lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if which == "torch's" else "error")  # torch's base never steps itself
        scheduler = S.StepLR(base, 1)
        wrapped = Lookahead(base, k=1000)
        expected = torch.optim.SGD(parameters(), lr=0.1)
        other = S.StepLR(expected, 1)
        run(wrapped, scheduler)
        run(expected, other)
    assert_same(trained(wrapped), trained(expected))


def test_a_scheduler_warns_when_it_steps_first_and_only_then():
    for kind in (SGD, Adam, lambda p: Lookahead("SGD", p), lambda p: Optimizer(p, "lion")):
        optimizer = kind(parameters())
        scheduler = S.StepLR(optimizer, 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            take_steps(optimizer, count=1)
            scheduler.step()
        late = kind(parameters())
        scheduler = S.StepLR(late, 1)
        with pytest.warns(UserWarning, match="lr_scheduler.step"):
            scheduler.step()


def test_a_changing_momentum_does_not_make_the_engine_anew():
    optimizer = SGD(parameters(), momentum=0.9)
    take_steps(optimizer, count=1)
    engine = optimizer._engine
    optimizer.param_groups[0].update(momentum=0.8, lr=0.5, weight_decay=0.1)
    take_steps(optimizer, 1, 1)
    assert optimizer._engine is engine
