"""What stands around an optimizer in training: GradScaler, clipping, compilers, parametrizations."""

import copy

import pytest
import torch
import torch.nn.utils.prune
from helpers import assert_same, loss_of, network, parameters, set_gradients, take_steps, train, trained
from optplug.torch import SGD, Adam, AdamW, Lookahead, Optimizer

KINDS = {
    "sgd": (
        lambda p, **o: SGD(p, lr=0.1, momentum=0.9, **o),
        lambda p, **o: torch.optim.SGD(p, lr=0.1, momentum=0.9, **o),
    ),
    "adam": (
        lambda p, **o: Adam(p, lr=0.01, **o),
        lambda p, **o: torch.optim.Adam(p, lr=0.01, **{"fused": True, **o}),
    ),
}


def scaled_training(model, optimizer, bad_step=None):
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=2)
    for number in range(5):
        optimizer.zero_grad()
        scaler.scale(loss_of(model, number)).backward()
        if number == bad_step:
            next(model.parameters()).grad[0, 0] = float("inf")
        scaler.step(optimizer)
        scaler.update()
    return scaler.get_scale()


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("bad_step", [None, 0, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_grad_scaler(kind, bad_step, fused):
    scales, models = [], []
    ours, theirs = KINDS[kind]
    # torch's fused SGD leaves its momentum undefined when the first gradients are infinite; its other one does not.
    for make, is_fused in ((ours, fused), (theirs, fused and kind != "sgd")):
        model = network()
        options = {"fused": True} if is_fused else {}
        scales.append(scaled_training(model, make(model.parameters(), **options), bad_step))
        models.append(model)
    assert scales[0] == scales[1]
    assert_same(models[0].parameters(), models[1].parameters())


@pytest.mark.parametrize("expression", ["lookahead(k=2, adam)", "muon(adamw)", "ema(sgd)"])
def test_grad_scaler_with_a_tree(expression):
    model, twin = network(), network()
    optimizer = Optimizer(model.parameters(), expression)
    scaled_training(model, optimizer)
    train(twin, Optimizer(twin.parameters(), expression), 0, 5)
    assert_same(model.parameters(), twin.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_clipping_and_accumulation(kind):
    models = []
    for make in KINDS[kind]:
        model = network()
        optimizer = make(model.parameters())
        for number in range(6):
            (loss_of(model, number) / 2).backward()
            if number % 2:
                torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
                torch.nn.utils.clip_grad_value_(model.parameters(), 0.05)
                optimizer.step()
                optimizer.zero_grad(set_to_none=number < 3)
        models.append(model)
    assert_same(models[0].parameters(), models[1].parameters())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm", "orthogonal"])
def test_parametrizations(kind, norm):
    models = []
    for make in KINDS[kind]:
        model = network()
        torch.manual_seed(1)
        getattr(torch.nn.utils.parametrizations, norm)(model[0])
        train(model, make(model.parameters()), count=3)
        models.append(model)
    assert_same(models[0].parameters(), models[1].parameters())


def test_averaged_models_and_norms_of_swa():
    models = []
    for make in KINDS["adam"]:
        model = network()
        average = torch.optim.swa_utils.AveragedModel(model)
        optimizer = make(model.parameters())
        for number in range(3):
            train(model, optimizer, number, 1)
            average.update_parameters(model)
        models.append(average)
    assert_same(models[0].parameters(), models[1].parameters())


def test_pruning():
    models = []
    for make in KINDS["sgd"]:
        model = network()
        torch.nn.utils.prune.l1_unstructured(model[0], "weight", 0.5)
        optimizer = make(model.parameters())
        train(model, optimizer)
        torch.nn.utils.prune.remove(model[0], "weight")
        models.append(model)
    assert_same(models[0].parameters(), models[1].parameters())


@pytest.mark.parametrize("kind", ["Adam", "SGD"])
def test_differentiable_steps_are_torchs_own(kind):
    def weight(module):
        rate = torch.tensor(0.1, requires_grad=True)
        p = torch.ones(8, requires_grad=True)
        q = p.clone()
        q.grad = (torch.arange(1.0, 9.0) * rate).clone()
        options = {"lr": 0.1, "differentiable": True}
        optimizer = getattr(module, kind)([q], **options)
        optimizer.step()
        q.sum().backward()
        return p.grad, q.detach(), rate.grad

    import optplug.torch

    ours, theirs = weight(optplug.torch), weight(torch.optim)
    assert_same(ours, theirs)


def test_capturable_is_refused_in_torchs_words():
    with pytest.raises((AssertionError, RuntimeError)) as theirs:
        take_steps(torch.optim.Adam(parameters(), capturable=True))
    with pytest.raises(type(theirs.value)) as ours:
        take_steps(Adam(parameters(), capturable=True))
    assert str(ours.value) == str(theirs.value)


def test_our_steps_after_torchs_own():
    ours, expected = Adam(parameters()), torch.optim.Adam(parameters())
    take_steps(ours, 0, 2)
    ours.param_groups[0]["differentiable"] = True
    take_steps(ours, 2, 2)
    ours.param_groups[0]["differentiable"] = False
    take_steps(ours, 4, 2)
    take_steps(expected, 0, 6)
    for a, b in zip(trained(ours), trained(expected)):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    assert int(ours.state[trained(ours)[0]]["step"]) == 6


def compiler_works() -> bool:
    try:
        return bool(torch.compile(lambda x: x + 1, backend="aot_eager")(torch.ones(1)))
    except Exception:
        return False


@pytest.mark.skipif(not compiler_works(), reason="torch.compile does not work here")
@pytest.mark.parametrize("name", ["SGD", "Adam", "Lookahead", "tree"])
def test_compiled_steps(name):
    def make(p):
        return {
            "SGD": lambda: SGD(p, lr=0.1, momentum=0.9), "Adam": lambda: Adam(p, lr=0.01),
            "Lookahead": lambda: Lookahead("SGD", p, k=2, lr=0.1),
            "tree": lambda: Optimizer(p, "lookahead(k=2, adam(lr=0.01))"),
        }[name]()  # fmt: skip

    model, twin = network(), network()
    optimizer, expected = make(model.parameters()), make(twin.parameters())
    step = torch.compile(lambda: optimizer.step(), backend="aot_eager")
    compiled = torch.compile(model, backend="aot_eager")
    for number in range(4):
        optimizer.zero_grad()
        loss_of(compiled, number).backward()
        step() if number < 3 else optimizer.step()
    train(twin, expected, 0, 4)
    for a, b in zip(model.parameters(), twin.parameters()):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_a_torch_class_is_what_it_is_taken_for():
    for ours, theirs in [(SGD, torch.optim.SGD), (Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)]:
        assert issubclass(ours, theirs)
    for kind in (SGD, Lookahead, Optimizer):
        assert issubclass(kind, torch.optim.Optimizer)
    assert "Optimizer adam (" in repr(Optimizer(parameters(), "adam"))
    assert "Lookahead over Adam (" in repr(Lookahead("Adam", parameters()))
    assert repr(Adam(parameters())) == repr(torch.optim.Adam(parameters()))


@pytest.mark.parametrize("to_none", [True, False])
def test_zero_grad(to_none):
    optimizer = Lookahead("Adam", parameters(), foreach=True)
    set_gradients(trained(optimizer), 0)
    optimizer.zero_grad(set_to_none=to_none)
    assert all((p.grad is None) == to_none and (to_none or not p.grad.any()) for p in trained(optimizer))


def test_a_default_type_and_device_of_another_kind():
    torch.set_default_dtype(torch.float64)
    try:
        ours, theirs = Adam(parameters()), torch.optim.Adam(parameters(), fused=True)
        take_steps(ours)
        take_steps(theirs)
    finally:
        torch.set_default_dtype(torch.float32)
    assert_same(trained(ours), trained(theirs))
    assert ours.state[trained(ours)[0]]["step"].dtype == theirs.state[trained(theirs)[0]]["step"].dtype
    other = Adam(parameters())
    set_gradients(trained(other), 0)
    with torch.device("meta"):
        other.step()
    assert other.state[trained(other)[0]]["exp_avg"].device.type == "cpu"


def test_autocast_and_a_profiler_around_it():
    model, twin = network(), network()
    optimizer, expected = AdamW(model.parameters()), AdamW(twin.parameters())
    with torch.autocast("cpu"), torch.profiler.profile() as profile:
        set_gradients(model.parameters(), 0)
        optimizer.step()
    set_gradients(twin.parameters(), 0)
    expected.step()
    assert_same(model.parameters(), twin.parameters())
    assert any("Optimizer.step#AdamW.step" in event.key for event in profile.key_averages())


def test_a_copied_model_trains_by_itself():
    model = network()
    optimizer = Adam(model.parameters())
    train(model, optimizer)
    twin, other = copy.deepcopy((model, optimizer))
    train(model, optimizer, 3)
    train(twin, other, 3)
    assert_same(model.parameters(), twin.parameters())
