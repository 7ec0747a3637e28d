"""Steps on a GPU, by stand-ins for the driver and the compiler: the same API, state and bits as on the CPU."""

from __future__ import annotations

import copy
import gc
import io
import threading
import time
import warnings

import pytest
import torch
from helpers import assert_same, assert_same_state, parameters, set_gradients, take_steps, trained
from optplug import OptPlugError
from optplug.torch import SGD, Adam, AdamW, Lookahead, Optimizer, _gpu

OPTIMIZERS = {
    "sgd": lambda p: SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: Adam(p, lr=1e-2, amsgrad=True),
    "lookahead": lambda p: Lookahead(AdamW(p, lr=1e-2), k=2),
    "reset": lambda p: Lookahead(AdamW(p, lr=1e-2), k=2, momentum_mode="reset_all"),
    "expression": lambda p: Optimizer(p, "schedulefree(warmup_steps=3, adamw(beta1=0))", lr=1e-2),
}


def on_cpu(make, *arguments, **options):
    """An optimizer of whose tensors nobody says that they are on a GPU."""
    optimizer = make(*arguments, **options)
    optimizer._stays_off_gpu = "the test's reference"
    return optimizer


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.complex64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_same_bits_and_state(gpu, name, dtype):
    ours, reference = OPTIMIZERS[name](parameters(dtype=dtype)), on_cpu(OPTIMIZERS[name], parameters(dtype=dtype))
    before = gpu.launches
    for number in range(5):
        take_steps(ours, number, 1)
        take_steps(reference, number, 1)
        assert_same(trained(ours), trained(reference))
        assert_same_state(ours.state_dict(), reference.state_dict())
    assert gpu.launches >= before + 5, "the steps ran somewhere else"


def test_gradients_that_come_and_go_and_groups(gpu):
    def make(p):
        return Lookahead(AdamW([{"params": p[:1], "lr": 0.1}, {"params": p[1:], "weight_decay": 0.5}]), k=2)

    ours, reference = make(parameters()), on_cpu(make, parameters())
    schedulers = [torch.optim.lr_scheduler.StepLR(o, 2, gamma=0.5) for o in (ours, reference)]
    for number in range(7):
        for optimizer in (ours, reference):
            set_gradients(trained(optimizer), number)
            trained(optimizer)[number % 3].grad = None
            optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
        assert_same(trained(ours), trained(reference))
        assert_same_state(ours.state_dict(), reference.state_dict())


def test_other_layouts(gpu):
    """Parameters in another order of axes, and gradients in another order than their parameters."""

    def make():
        torch.manual_seed(1)
        weight = torch.nn.Parameter(torch.randn(4, 3, 5, 5).to(memory_format=torch.channels_last))
        return [weight, torch.nn.Parameter(torch.randn(6, 7)), torch.nn.Parameter(torch.randn(3, 8).t())]

    ours, reference = AdamW(make(), lr=0.1), on_cpu(AdamW, make(), lr=0.1)
    for number in range(3):
        for optimizer in (ours, reference):
            torch.manual_seed(number)
            a, b, d = trained(optimizer)
            a.grad, b.grad, d.grad = torch.randn(4, 3, 5, 5), torch.randn(7, 6).t(), torch.randn(3, 8).t()
            optimizer.step()
        assert_same(trained(ours), trained(reference))
        assert_same_state(ours.state_dict(), reference.state_dict())


def test_weights_written_between_steps(gpu):
    """The masters of 16-bit parameters follow what is written into the parameters."""
    ours, reference = AdamW(parameters(dtype=torch.bfloat16)), on_cpu(AdamW, parameters(dtype=torch.bfloat16))
    for optimizer in (ours, reference):
        take_steps(optimizer, 0, 2)
        with torch.no_grad():
            trained(optimizer)[0].mul_(2)
        take_steps(optimizer, 2, 2)
    assert_same(trained(ours), trained(reference))


def test_checkpoints_go_both_ways(gpu):
    make = OPTIMIZERS["lookahead"]
    first, reference = make(parameters()), on_cpu(make, parameters())
    take_steps(first, 0, 3)
    take_steps(reference, 0, 3)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    saved = torch.load(file)
    for second in (make(parameters()), on_cpu(make, parameters())):
        with torch.no_grad():
            for p, w in zip(trained(second), trained(first)):
                p.copy_(w)
        second.load_state_dict(saved)
        take_steps(second, 3, 4)
        copied = copy.deepcopy(second)
        take_steps(second, 7, 1)
        take_steps(copied, 7, 1)
        assert_same(trained(copied), trained(second))
        other = on_cpu(make, parameters())
        take_steps(other, 0, 8)
        assert_same(trained(second), trained(other))


def test_evaluation_weights(gpu):
    make = OPTIMIZERS["lookahead"]
    ours, reference = make(parameters()), on_cpu(make, parameters())
    for optimizer in (ours, reference):
        take_steps(optimizer, 0, 3)
    with ours.evaluation_weights(), reference.evaluation_weights():
        assert_same(trained(ours), trained(reference))
        assert_same([ours.state[p]["slow"] for p in trained(ours)], [reference.state[p]["slow"] for p in trained(reference)])
    assert_same(trained(ours), trained(reference))
    before = gpu.launches
    for optimizer in (ours, reference):
        take_steps(optimizer, 3, 3)
    assert_same(trained(ours), trained(reference))
    assert gpu.launches > before


# ---- Graphs --------------------------------------------------------------------------------------------------


class Captured:
    """An optimizer whose steps are replays, with gradients in fixed places, and a reference."""

    def __init__(self, gpu, make, dtype=torch.float32):
        self.ours, self.reference = make(parameters(dtype=dtype)), on_cpu(make, parameters(dtype=dtype))
        self.number = 0
        set_gradients(trained(self.ours), 0)
        self.ours.step()
        take_steps(self.reference, 0, 1)
        self.gradients = [p.grad for p in trained(self.ours)]
        self.replay = gpu.capture(self.ours.step)

    def check(self, steps: int) -> None:
        for _ in range(steps):
            self.number += 1
            set_gradients(trained(self.ours), self.number)
            for p, place in zip(trained(self.ours), self.gradients):
                place.copy_(p.grad)
                p.grad = place
            self.replay()
            take_steps(self.reference, self.number, 1)
            assert_same(trained(self.ours), trained(self.reference))
        assert_same_state(self.ours.state_dict(), self.reference.state_dict())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_replays_are_steps(gpu, name, dtype):
    Captured(gpu, OPTIMIZERS[name], dtype).check(6)


def test_settings_between_replays(gpu):
    run = Captured(gpu, OPTIMIZERS["lookahead"])
    for rate in (0.1, 0.2):
        for optimizer in (run.ours, run.reference):
            optimizer.param_groups[0]["lr"] = rate
        run.ours.apply_settings()
        run.check(3)


def test_evaluation_and_checkpoints_between_replays(gpu):
    run = Captured(gpu, OPTIMIZERS["lookahead"])
    run.check(2)
    with run.ours.evaluation_weights(), run.reference.evaluation_weights():
        assert_same(trained(run.ours), trained(run.reference))
    run.check(2)
    saved = [copy.deepcopy(run.reference.state_dict()), [p.detach().clone() for p in trained(run.reference)]]
    run.check(3)
    for optimizer in (run.ours, run.reference):
        optimizer.load_state_dict(copy.deepcopy(saved[0]))
        with torch.no_grad():
            for p, w in zip(trained(optimizer), saved[1]):
                p.copy_(w)
    run.check(3)
    # A step that is not replayed, and replays after it.
    run.number += 1
    for optimizer in (run.ours, run.reference):
        take_steps(optimizer, run.number, 1)
    for p, place in zip(trained(run.ours), run.gradients):
        p.grad = place
    run.check(2)


def test_a_graph_needs_a_step_before(gpu):
    optimizer = OPTIMIZERS["adam"](parameters())
    set_gradients(trained(optimizer), 0)
    with pytest.raises(RuntimeError, match="take one step before"):
        gpu.capture(optimizer.step)
    optimizer.step()
    trained(optimizer)[0].grad = None
    with pytest.raises(RuntimeError, match="not for these parameters and gradients"):
        gpu.capture(optimizer.step)


def test_a_graph_that_is_out_of_date_is_named(gpu):
    run = Captured(gpu, lambda p: SGD(p, lr=0.1, momentum=0.9))
    run.ours.param_groups[0]["momentum"] = 0.0  # without its slot
    with pytest.warns(UserWarning, match="capture it anew"):
        take_steps(run.ours, 1, 1)


def test_all_is_enqueued_on_the_current_stream(gpu):
    """After a capture, whose stream was another, too."""
    run = Captured(gpu, OPTIMIZERS["lookahead"])
    run.check(1)
    saved, gpu.stream = copy.deepcopy(run.ours.state_dict()), gpu.make_stream()
    before = gpu.launches_on(0)
    run.ours.load_state_dict(saved)
    with run.ours.evaluation_weights():
        pass
    take_steps(run.ours, 5, 1)
    assert gpu.launches_on(gpu.stream) >= 3 and gpu.launches_on(0) == before


def test_counters_wait_for_replays(gpu):
    run = Captured(gpu, OPTIMIZERS["adam"])
    gpu.run_late(True)
    for _ in range(3):
        run.replay()
    steps = [entry["step"].item() for entry in run.ours.state_dict()["state"].values()]
    assert steps == [4] * len(steps)


def test_settings_changed_before_a_second_capture(gpu):
    run = Captured(gpu, OPTIMIZERS["lookahead"])
    run.ours.param_groups[0]["lr"] = 0.5
    with pytest.raises(RuntimeError, match="call apply_settings"):
        gpu.capture(run.ours.step)
    run.ours.apply_settings()
    gpu.capture(run.ours.step)


def test_an_optimizer_may_end_during_replays(gpu):
    """The driver's thread must not be the last to hold it: nothing of the driver's may be called there."""
    for _ in range(10):
        run = Captured(gpu, OPTIMIZERS["adam"])
        going = [True]

        def replays(replay=run.replay, going=going):
            while going[0]:
                replay()

        thread = threading.Thread(target=replays, daemon=True)
        thread.start()
        time.sleep(0.01)
        # Torch gives a GPU's memory back when the GPU is done with it, a CPU's at once.
        kept = [trained(run.ours), run.gradients, [dict(entry) for entry in run.ours.state.values()]]
        del run
        gc.collect()
        going[0] = False
        thread.join(30)
        assert not thread.is_alive() and kept


def test_gradient_scaler(gpu):
    """What GradScaler hands over; torch divides by the scale, which is a power of two."""
    ours, reference = AdamW(parameters(), fused=True), on_cpu(AdamW, parameters(), fused=True)
    for number, (scale, found) in enumerate([(1024.0, 0.0), (1024.0, 1.0), (512.0, 0.0)]):
        for optimizer in (ours, reference):
            optimizer.grad_scale, optimizer.found_inf = torch.tensor(scale), torch.tensor(found)
            take_steps(optimizer, number, 1)
        assert_same(trained(ours), trained(reference))
    assert float(ours.state[trained(ours)[0]]["step"]) == 2
    with pytest.raises(RuntimeError, match="cannot be captured"):
        gpu.capture(ours.step)


# ---- What cannot run there -----------------------------------------------------------------------------------


def test_trees_without_formulas_say_so_once(gpu):
    make = lambda p: Optimizer(p, "lars", lr=0.1)  # noqa: E731
    ours, reference = make(parameters()), on_cpu(make, parameters())
    before = gpu.launches
    with pytest.warns(UserWarning, match="the steps of lars run on the CPU.*formula of 'lars'"):
        take_steps(ours, 0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        take_steps(ours, 1, 2)
    take_steps(reference, 0, 3)
    assert_same(trained(ours), trained(reference))
    assert gpu.launches == before


def test_parameters_with_gaps_are_trained_on_the_cpu(gpu):
    make = lambda: [torch.nn.Parameter(torch.arange(20.0).reshape(4, 5)[:, :3])]  # noqa: E731
    ours, reference = SGD(make(), lr=0.1), on_cpu(SGD, make(), lr=0.1)
    with pytest.warns(UserWarning, match="has gaps in memory"):
        take_steps(ours, 0, 1)
    take_steps(reference, 0, 1)
    assert_same(trained(ours), trained(reference))


def test_several_devices(monkeypatch):
    class Tensor:
        def __init__(self, name):
            self.device = torch.device(name)

    assert _gpu.device_of([Tensor("cpu")]) is None
    assert _gpu.device_of([Tensor("cuda:1"), Tensor("cuda:1")]) == torch.device("cuda:1")
    with pytest.raises(_gpu.CannotRun, match="several devices: cpu, cuda:0"):
        _gpu.device_of([Tensor("cuda:0"), Tensor("cpu")])


def test_the_compiler_of_torchs_own_cuda_comes_first(tmp_path):
    names = ["a/libnvrtc.so.12", "b/lib/libnvrtc.so.13", "b/libnvrtc.so.11", "b/libnvrtc-builtins.so.13.0"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def found(cuda):
        return [file.relative_to(tmp_path).as_posix() for file in _gpu.compilers([tmp_path / "a", tmp_path / "b"], cuda)]

    assert found("12.8") == [names[0], names[1], names[2]]
    assert found("13.0") == found(None) == [names[1], names[0], names[2]]
    assert _gpu.compilers([tmp_path / "none"], "12.8") == []


def test_other_errors_are_errors(gpu, monkeypatch):
    monkeypatch.setattr(_gpu, "number_of", lambda device: 5)
    with pytest.warns(UserWarning, match="there is no GPU 5"):
        take_steps(OPTIMIZERS["sgd"](parameters()), 0, 1)
    with pytest.raises(OptPlugError, match="momentum"):
        take_steps(SGD([{"params": parameters(), "momentum": float("nan")}], lr=0.1), 0, 1)
