"""Times of steps on a GPU, side by side: every round measures each contender once, one after another."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass, field

import torch
from step.results import Spread

from cuda.cases import Case, Contender

#: A multiple of Lookahead's five steps.
STEPS = 20


class Device:
    """Where tensors lie, and how one waits for it."""

    def __init__(self, name: str):
        self.torch = torch.device(name)

    def wait(self) -> None:
        if self.torch.type == "cuda":
            torch.cuda.synchronize(self.torch)


@dataclass
class Times:
    """Seconds of a step, or of a copy, by round."""

    name: str
    seconds: list[float] = field(default_factory=list)
    #: Why there are none.
    missing: str = ""

    @property
    def spread(self) -> Spread | None:
        return Spread.of(self.seconds)


@dataclass
class Measured:
    case: Case
    contenders: list[Times]
    #: Bytes a second that a copy within the device's memory reads and writes, by round.
    bandwidth: list[float]


class Prepared:
    """A contender with parameters and gradients of its own, which lie in fixed places."""

    def __init__(self, contender: Contender, case: Case, device: Device):
        generator = torch.Generator().manual_seed(1)
        self.parameters = []
        for shape in case.tensors.shapes:
            values = torch.randn(shape, generator=generator)
            parameter = torch.nn.Parameter(values.to(device.torch))
            parameter.grad = (0.01 * torch.randn(shape, generator=generator)).to(device.torch)
            self.parameters.append(parameter)
        self.optimizer = contender.make(self.parameters)
        self._device = device

    def time(self, steps: int = STEPS) -> float:
        """Seconds of a step."""
        self._device.wait()
        start = time.perf_counter()
        for _ in range(steps):
            self.optimizer.step()
        self._device.wait()
        return (time.perf_counter() - start) / steps


def copy_bandwidth(source: torch.Tensor, target: torch.Tensor, device: Device) -> float:
    device.wait()
    start = time.perf_counter()
    for _ in range(10):
        target.copy_(source)
    device.wait()
    return 20 * source.nbytes / (time.perf_counter() - start)


def measure(case: Case, rounds: int, device: Device, copied: int = 1 << 30) -> Measured:
    """`copied` bytes are copied to find the bandwidth."""
    found = [Times(contender.name) for contender in case.contenders]
    prepared: dict[int, Prepared] = {}
    for place, contender in enumerate(case.contenders):
        if importlib.util.find_spec(contender.needs.replace("-", "_")) is None:
            found[place].missing = f"{contender.needs} is not installed"
            continue
        prepared[place] = Prepared(contender, case, device)
        prepared[place].time()  # warm: kernels are compiled, state is made
        if reason := getattr(prepared[place].optimizer, "_stays_off_gpu", None):
            found[place].missing = f"its steps run on the CPU: {reason}"
            del prepared[place]
    source = torch.ones(copied, dtype=torch.uint8, device=device.torch)
    target = torch.empty_like(source)
    copy_bandwidth(source, target, device)
    bandwidth = []
    for _ in range(rounds):
        for place, one in prepared.items():
            found[place].seconds.append(one.time())
        bandwidth.append(copy_bandwidth(source, target, device))
    return Measured(case, found, bandwidth)
