"""Copies in other processes, forks, threads."""

import os
import pickle
import subprocess
import sys
import threading

import pytest
import torch
from helpers import assert_same, network, parameters, take_steps, train, trained
from optplug.torch import SGD, Adam, AdamW, Lookahead, Optimizer

MAKERS = {
    "sgd": lambda p: SGD(p, momentum=0.9),
    "adamw": lambda p: AdamW(p, fused=True),
    "lookahead": lambda p: Lookahead("Adam", p, k=3),
    "lookahead over a tree": lambda p: Lookahead(Optimizer(p, "rmsprop"), k=3),
    "tree": lambda p: Optimizer(p, "lookahead(k=3, ema(adam))", seed=4, threads=2),
}  # fmt: skip


def test_pickles_continue_in_another_process(tmp_path):
    optimizers = {name: make(parameters()) for name, make in MAKERS.items()}
    for optimizer in optimizers.values():
        take_steps(optimizer, 0, 2)
    path = tmp_path / "optimizers"
    path.write_bytes(pickle.dumps(optimizers))
    program = (
        "import pickle, sys; sys.path.insert(0, sys.argv[1]); import helpers, torch; torch.set_num_threads(1)\n"
        "optimizers = pickle.load(open(sys.argv[2], 'rb'))\n"
        "for optimizer in optimizers.values(): helpers.take_steps(optimizer, 2, 3)\n"
        "pickle.dump(optimizers, open(sys.argv[2], 'wb'))"
    )
    subprocess.run(
        [sys.executable, "-c", program, os.path.dirname(__file__), str(path)], check=True, timeout=300
    )
    back = pickle.loads(path.read_bytes())
    for name, optimizer in optimizers.items():
        take_steps(optimizer, 2, 3)
        assert_same(trained(optimizer), trained(back[name]))
        take_steps(optimizer, 5, 2)
        take_steps(back[name], 5, 2)
        assert_same(trained(optimizer), trained(back[name]))
        assert repr(optimizer) == repr(back[name])


def test_the_link_to_the_base_survives():
    import copy

    wrapped = Lookahead(Adam(parameters()), k=2)
    take_steps(wrapped, 0, 1)
    for other in (copy.deepcopy(wrapped), pickle.loads(pickle.dumps(wrapped))):
        assert other.base is not wrapped.base and other.base.param_groups is other.param_groups
        with pytest.raises(RuntimeError, match="base of a Lookahead"):
            other.base.step()
        take_steps(other, 1, 1)


def in_a_fork(function) -> None:
    """Runs it in a child process, which ends at once."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            function()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("name", MAKERS)
def test_a_fork_trains_on_and_does_not_disturb_its_parent(name):
    torch.set_num_threads(1)  # torch's own threads do not survive a fork
    optimizer, expected = MAKERS[name](parameters()), MAKERS[name](parameters())
    for o in (optimizer, expected):
        o._thread_count = 2
    take_steps(optimizer, 0, 2)
    take_steps(expected, 0, 3)

    def child():
        take_steps(optimizer, 2, 1)
        assert_same(trained(optimizer), trained(expected))
        with optimizer.evaluation_weights():
            pass
        del optimizer._engine

    in_a_fork(child)
    take_steps(optimizer, 2, 1)
    assert_same(trained(optimizer), trained(expected))


class Numbers(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.full((8,), float(index)) / 8


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_workers_of_a_data_loader():
    def losses(workers):
        model = network()
        optimizer = Optimizer(model.parameters(), "lookahead(k=2, adam(lr=0.01))")
        result = []
        for _ in range(2):
            for x in torch.utils.data.DataLoader(Numbers(), batch_size=4, num_workers=workers):
                optimizer.zero_grad()
                loss = (model(x) - x).pow(2).mean()
                loss.backward()
                optimizer.step()
                result.append(loss.item())
        return result

    assert losses(2) == losses(0)


def test_several_optimizers_in_several_threads():
    names = ["adam", "lookahead(k=2, sgd)", "lamb", "ema(adamw)"]
    results: dict[str, list] = {}

    def work(name):
        optimizer = Optimizer(parameters([(64, 64), (64,)]), name, threads=2)
        take_steps(optimizer, count=10)
        results[name] = trained(optimizer)

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        optimizer = Optimizer(parameters([(64, 64), (64,)]), name, threads=1)
        take_steps(optimizer, count=10)
        assert_same(results[name], trained(optimizer))


def test_one_optimizer_moves_between_threads():
    model, twin = network(), network()
    optimizer, expected = Adam(model.parameters()), Adam(twin.parameters())
    for number in range(4):
        thread = threading.Thread(target=train, args=(model, optimizer, number, 1))
        thread.start()
        thread.join()
    train(twin, expected, 0, 4)
    assert_same(model.parameters(), twin.parameters())
