"""jit=True: compiled programs take the steps, to the same bits."""

import copy
import inspect
import os
import pickle
import subprocess
import sys
import warnings

import pytest
import torch
from helpers import assert_same, parameters, take_steps, trained
from optplug import _host
from optplug import _library as c
from optplug.torch import SGD, Adam, AdamW, Lookahead, Optimizer

MAKERS = {
    "sgd": lambda p, **o: SGD(p, lr=0.1, momentum=0.9, **o),
    "adam": lambda p, **o: Adam(p, amsgrad=True, **o),
    "adamw": lambda p, **o: AdamW(p, **o),
    "lookahead": lambda p, **o: Lookahead("AdamW", p, k=2, **o),
    "lookahead over one that is there": lambda p, **o: Lookahead(Adam(p, **o), k=2, momentum_mode="reset_all"),
    "tree": lambda p, **o: Optimizer(p, "lookahead(k=2, ema(lion))", threads=2, **o),
}  # fmt: skip


def uses_programs(optimizer) -> bool:
    return bool(optimizer._made().host.flags & c.USES_PROGRAMS)


@pytest.fixture(autouse=True)
def _warnings_count():
    """Every warning fails a test that does not expect it."""
    _host._told.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_bits(name):
    plain, jit = MAKERS[name](parameters()), MAKERS[name](parameters(), jit=True)
    take_steps(plain, 0, 5)
    take_steps(jit, 0, 5)
    assert uses_programs(jit) and not uses_programs(plain)
    assert_same(trained(jit), trained(plain))
    for ours, theirs in zip(jit.state.values(), plain.state.values()):
        assert ours.keys() == theirs.keys()
        assert_same(ours.values(), theirs.values())


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_keep_it(name, copied):
    optimizer = MAKERS[name](parameters(), jit=True)
    take_steps(optimizer, 0, 2)
    other = copied(optimizer)
    for o in (optimizer, other):
        take_steps(o, 2, 3)
    assert uses_programs(other)
    assert_same(trained(other), trained(optimizer))


def test_checkpoints_go_both_ways():
    plain, jit = MAKERS["tree"](parameters()), MAKERS["tree"](parameters(), jit=True)
    take_steps(plain, 0, 3)
    take_steps(jit, 0, 3)
    first, second = plain.state_dict(), jit.state_dict()
    plain.load_state_dict(second)
    jit.load_state_dict(first)
    take_steps(plain, 3, 3)
    take_steps(jit, 3, 3)
    assert_same(trained(jit), trained(plain))


def test_parameters_of_16_bits():
    made = [[torch.nn.Parameter(p.detach().bfloat16()) for p in parameters()] for _ in range(2)]
    plain, jit = AdamW(made[0], lr=0.01), AdamW(made[1], lr=0.01, jit=True)
    for o in (plain, jit):
        take_steps(o, 0, 4)
    assert uses_programs(jit)
    assert_same(trained(jit), trained(plain))


def test_a_tree_without_formula_is_told_once():
    with pytest.warns(RuntimeWarning, match="jit: the optimizers' own code takes the steps, since 'lamb' has no") as told:
        optimizer = Optimizer(parameters(), "lookahead(lamb)", jit=True)
        take_steps(optimizer, 0, 2)
    assert len(told) == 1 and not uses_programs(optimizer)
    expected = Optimizer(parameters(), "lookahead(lamb)")
    take_steps(expected, 0, 2)
    assert_same(trained(optimizer), trained(expected))


def test_no_compiler():
    program = (
        "import torch, optplug.torch\n"
        "p = [torch.nn.Parameter(torch.ones(2))]\n"
        "optplug.torch.Optimizer(p, 'adam')\n"
        "try: optplug.torch.Optimizer(p, 'adam', jit=True)\n"
        "except RuntimeError as error: print(error)"
    )
    environment = {**os.environ, "CC": "/nonexistent"}
    out = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=300
    ).stdout
    assert "program: the C compiler '/nonexistent', which CC names, is not there" in out and "install a C compiler" in out


def test_signatures_are_torchs_and_one_more():
    for ours, theirs in ((SGD, torch.optim.SGD), (Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)):
        names = list(inspect.signature(ours).parameters)
        assert names == [*inspect.signature(theirs).parameters, "jit"]
