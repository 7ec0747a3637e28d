"""Every optimizer that ships: saving, restoring, copying and evaluation weights, bit for bit."""

import copy
import io
import pickle

import pytest
import torch
from helpers import assert_same, assert_same_state, closure_for, network, set_gradients, trained
from optplug.torch import Optimizer

TREES = [
    "sgd(momentum=0.9)", "adam(amsgrad=true)", "adamw", "lion", "rmsprop(momentum=0.9, centered=true)", "adagrad",
    "nadam", "radam", "lars", "lamb", "adafactor", "adam8bit(min_8bit_size=8)", "muon(adamw)",
    "ema(decay=0.9, adam)", "ema(mode=swa, start=2, sgd)", "sam(adam)", "sam(adaptive=true, sgd(momentum=0.9))",
    "schedulefree(sgd)", "schedulefree(warmup_steps=3, adam(beta1=0))", "lookahead(k=3, muon(adam))",
    "lookahead(k=3, momentum=pullback, adam8bit(min_8bit_size=8))", "gradient-centralization(adamw)",
    "ema(lookahead(k=2, sam(sgd(momentum=0.9))))", "lookahead(k=2, lamb)", "lookahead(k=2, schedulefree(sgd))",
]  # fmt: skip


def make(tree: str, dtype: torch.dtype = torch.float32) -> tuple[torch.nn.Module, Optimizer]:
    model = network().to(dtype)
    return model, Optimizer(model.parameters(), tree)


def steps(model: torch.nn.Module, optimizer: Optimizer, first: int, count: int) -> None:
    for number in range(first, first + count):
        if optimizer.reevaluates:
            optimizer.step(closure_for(model, optimizer, number))
        else:
            set_gradients(trained(optimizer), number)
            optimizer.step()


def saved_and_loaded(thing):
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def copies(model, optimizer, tree, how):
    """The model and the optimizer by way of a file, a deep copy or a pickle."""
    if how == "file":
        twin = copy.deepcopy(model)
        other = Optimizer(twin.parameters(), tree)
        other.load_state_dict(saved_and_loaded(optimizer.state_dict()))
        return twin, other
    both = (model, optimizer)
    return copy.deepcopy(both) if how == "deepcopy" else pickle.loads(pickle.dumps(both))


@pytest.mark.parametrize("how,dtype", [("file", torch.float32), ("deepcopy", torch.bfloat16)], ids=str)
@pytest.mark.parametrize("tree", TREES)
def test_a_copy_continues_bit_for_bit(tree, how, dtype):
    if "sam" in tree:
        dtype = torch.float32  # as the data of the small network
    model, optimizer = make(tree, dtype)
    steps(model, optimizer, 0, 4)
    twin, other = copies(model, optimizer, tree, how)
    assert [p.data_ptr() for p in model.parameters()] != [p.data_ptr() for p in twin.parameters()]
    steps(model, optimizer, 4, 5)
    steps(twin, other, 4, 5)
    assert_same(model.parameters(), twin.parameters())
    assert_same_state(optimizer.state_dict(), other.state_dict())
    with optimizer.evaluation_weights(), other.evaluation_weights():
        assert_same(model.parameters(), twin.parameters())
    assert_same(model.parameters(), twin.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64], ids=str)
def test_a_pickle_in_other_types(dtype):
    tree = "lookahead(k=3, muon(adamw))"
    model, optimizer = make(tree, dtype)
    steps(model, optimizer, 0, 4)
    twin, other = copies(model, optimizer, tree, "pickle")
    steps(model, optimizer, 4, 3)
    steps(twin, other, 4, 3)
    assert_same(model.parameters(), twin.parameters())


@pytest.mark.parametrize("tree", TREES)
def test_evaluation_weights_leave_no_trace(tree):
    (model, optimizer), (twin, other) = make(tree), make(tree)
    for number in range(6):
        steps(model, optimizer, number, 1)
        steps(twin, other, number, 1)
        with optimizer.evaluation_weights():
            assert all(p.isfinite().all() for p in model.parameters())
    assert_same(model.parameters(), twin.parameters())
    assert_same_state(optimizer.state_dict(), other.state_dict())


def test_bytes_stay_bytes():
    model, optimizer = make("adam8bit(min_8bit_size=8)")
    steps(model, optimizer, 0, 2)
    saved = saved_and_loaded(optimizer.state_dict())
    assert {v.dtype for v in saved["state"][0].values()} >= {torch.uint8}
    optimizer.load_state_dict(saved)
    assert any(v.dtype is torch.uint8 for v in optimizer.state[trained(optimizer)[0]].values())


def test_the_master_of_sixteen_bits_is_saved_in_full():
    model, optimizer = make("adam", torch.bfloat16)
    steps(model, optimizer, 0, 3)
    saved = saved_and_loaded(optimizer.state_dict())["state"][0]
    assert saved["master"].dtype == torch.float32
    assert not torch.equal(saved["master"].bfloat16().float(), saved["master"])
    twin = copy.deepcopy(model)
    other = Optimizer(twin.parameters(), "adam")
    other.load_state_dict(optimizer.state_dict())
    twin.load_state_dict(model.state_dict())  # writes the same numbers: the masters stay
    steps(model, optimizer, 3, 2)
    steps(twin, other, 3, 2)
    assert_same(model.parameters(), twin.parameters())


@pytest.mark.parametrize("expression", ["adam", "lookahead(k=2, adam)", "ema(adam)"])
def test_weights_loaded_into_a_sixteen_bit_model_count(expression):
    model, optimizer = make(expression, torch.bfloat16)
    steps(model, optimizer, 0, 2)
    other = {k: torch.full_like(v, 3.0) for k, v in model.state_dict().items()}
    model.load_state_dict(other)
    steps(model, optimizer, 2, 1)
    assert all((p - 3).abs().max() < 1.6 for p in model.parameters())


def test_copies_share_nothing():
    model, optimizer = make("lookahead(k=2, adam)")
    steps(model, optimizer, 0, 3)
    twin, other = copy.deepcopy((model, optimizer))
    before = copy.deepcopy(other.state_dict())
    steps(model, optimizer, 3, 3)
    assert_same_state(other.state_dict(), before)
    other.param_groups[0]["lr"] = 7
    assert optimizer.param_groups[0]["lr"] != 7


def test_a_file_of_the_state_holds_nothing_twice():
    model, optimizer = make("adam")
    steps(model, optimizer, 0, 1)
    buffer = io.BytesIO()
    torch.save(optimizer.state_dict(), buffer)
    elements = sum(p.numel() for p in model.parameters())
    assert buffer.tell() < 2 * 4 * elements + 12000
