"""SGD, Adam and AdamW have the bits of torch's own: SGD of its default, the other two of `fused=True`."""

import itertools

import pytest
import torch
from helpers import SHAPES, assert_same, assert_same_state, network, parameters, take_steps, train, trained
from optplug.torch import SGD, Adam, AdamW, Optimizer

SGD_OPTIONS = [
    {}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"momentum": 0.9, "dampening": 0.3},
    {"weight_decay": 0.1}, {"momentum": 0.9, "weight_decay": 0.1, "maximize": True}, {"maximize": True},
]  # fmt: skip
ADAM_OPTIONS = [
    {}, {"amsgrad": True}, {"weight_decay": 0.1}, {"betas": (0.5, 0.7), "eps": 1e-3}, {"maximize": True},
    {"amsgrad": True, "weight_decay": 0.1, "maximize": True}, {"lr": 0.0},
]  # fmt: skip
PAIRS = {"Adam": (Adam, torch.optim.Adam), "AdamW": (AdamW, torch.optim.AdamW)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("options", SGD_OPTIONS, ids=str)
def test_sgd_is_torchs(options, dtype):
    ours, theirs = (kind(parameters(dtype=dtype), lr=0.1, **options) for kind in (SGD, torch.optim.SGD))
    take_steps(ours, count=5)
    take_steps(theirs, count=5)
    assert_same(trained(ours), trained(theirs))
    assert_same_state(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize("options", SGD_OPTIONS, ids=str)
def test_complex_sgd_is_close_to_torchs(options):
    # torch multiplies by the learning rate as by a complex number, with one more rounding.
    ours, theirs = (
        kind(parameters(dtype=torch.complex128), lr=0.1, **options) for kind in (SGD, torch.optim.SGD)
    )
    take_steps(ours, count=5)
    take_steps(theirs, count=5)
    for a, b in zip(trained(ours), trained(theirs)):
        torch.testing.assert_close(a, b, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("options", ADAM_OPTIONS, ids=str)
@pytest.mark.parametrize("name", PAIRS)
def test_adam_is_torchs_fused(name, options, dtype):
    our_class, their_class = PAIRS[name]
    ours = our_class(parameters(dtype=dtype), **options)
    theirs = their_class(parameters(dtype=dtype), fused=True, **options)
    take_steps(ours, count=5)
    take_steps(theirs, count=5)
    assert_same(trained(ours), trained(theirs))
    assert_same_state(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize("name", PAIRS)
def test_complex_adam_is_close_to_torchs(name):
    # torch has no fused kernel for complex numbers, and its other ones round roots differently.
    ours, theirs = (kind(parameters(dtype=torch.complex128), lr=0.1) for kind in PAIRS[name])
    take_steps(ours, count=5)
    take_steps(theirs, count=5)
    for a, b in zip(trained(ours), trained(theirs)):
        torch.testing.assert_close(a, b, rtol=1e-13, atol=1e-13)
        assert ours.state[a]["exp_avg"].dtype == torch.complex128
        torch.testing.assert_close(
            ours.state[a]["exp_avg_sq"], theirs.state[b]["exp_avg_sq"], rtol=1e-13, atol=1e-13
        )


def test_the_tail_of_a_tensor_is_within_an_ulp_of_torchs():
    ours, theirs = (
        Adam(parameters([(13,), (3, 5), ()])),
        torch.optim.Adam(parameters([(13,), (3, 5), ()]), fused=True),
    )
    take_steps(ours, count=5)
    take_steps(theirs, count=5)
    for a, b in zip(trained(ours), trained(theirs)):
        torch.testing.assert_close(a, b, rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_do_not_change_the_bits(threads):
    shapes = [(1000, 97), (5,), (31, 3, 3)]
    one = Optimizer(parameters(shapes), "lookahead(k=2, lamb)", threads=1)
    many = Optimizer(parameters(shapes), "lookahead(k=2, lamb)", threads=threads)
    take_steps(one, count=4)
    take_steps(many, count=4)
    assert_same(trained(one), trained(many))


def test_an_expression_has_the_bits_of_the_class():
    tree = Optimizer(parameters(), "adam(lr=0.01)", betas=(0.8, 0.9), weight_decay=0.1)
    ours = Adam(parameters(), lr=0.01, betas=(0.8, 0.9), weight_decay=0.1)
    take_steps(tree)
    take_steps(ours)
    assert_same(trained(tree), trained(ours))


def test_groups_with_different_settings():
    def groups():
        first, second, third = parameters(SHAPES)
        return [
            {"params": [first], "lr": 0.1}, {"params": [second], "betas": (0.5, 0.6), "amsgrad": True},
            {"params": [third], "weight_decay": 0.3, "maximize": True},
        ]  # fmt: skip

    ours, theirs = Adam(groups(), lr=0.02), torch.optim.Adam(groups(), lr=0.02, fused=True)
    take_steps(ours, count=4)
    take_steps(theirs, count=4)
    assert_same(trained(ours), trained(theirs))
    assert_same_state(ours.state_dict(), theirs.state_dict())


def test_one_group_per_parameter():
    shapes = [(8, 8)] * 20
    groups = [[{"params": [p], "lr": 0.01 * i} for i, p in enumerate(parameters(shapes))] for _ in range(2)]
    ours, theirs = SGD(groups[0], momentum=0.9), torch.optim.SGD(groups[1], momentum=0.9)
    take_steps(ours)
    take_steps(theirs)
    assert_same(trained(ours), trained(theirs))


@pytest.mark.parametrize("flags", list(itertools.product([None, True, False], repeat=2)), ids=str)
def test_foreach_and_fused_are_taken_as_torch_takes_them(flags):
    foreach, fused = flags
    for our_class, their_class in [(SGD, torch.optim.SGD), *PAIRS.values()]:
        try:
            their_class(parameters(), foreach=foreach, fused=fused)
        except RuntimeError as error:
            with pytest.raises(RuntimeError) as refused:
                our_class(parameters(), foreach=foreach, fused=fused)
            assert str(refused.value) == str(error)
            continue
        ours, plain = our_class(parameters(), foreach=foreach, fused=fused), our_class(parameters())
        take_steps(ours)
        take_steps(plain)
        assert_same(trained(ours), trained(plain))


def test_a_network_trains_alike():
    models = network(), network()
    ours = AdamW(models[0].parameters(), lr=0.01)
    theirs = torch.optim.AdamW(models[1].parameters(), lr=0.01, fused=True)
    assert train(models[0], ours, count=10) == train(models[1], theirs, count=10)
    assert_same(models[0].parameters(), models[1].parameters())


def test_parameters_are_updated_in_place():
    own = parameters()
    addresses = [p.data_ptr() for p in own]
    optimizer = Adam(own)
    take_steps(optimizer)
    assert [p.data_ptr() for p in own] == addresses
