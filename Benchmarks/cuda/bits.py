"""Whether steps on the GPU have the bits of steps on the CPU: for every plugin, and for Lookahead over it."""

from __future__ import annotations

import random
import warnings
from dataclasses import dataclass

import optplug
import torch
from optplug.torch import Optimizer
from optplug.torch._gpu import GPUEngine

STEPS = 20
DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Comparison:
    expression: str
    dtype: str
    #: Nothing where all bits are equal.
    difference: str
    #: Why the steps ran on the CPU, so that nothing was compared; nothing where they ran on the GPU.
    fallback: str = ""

    @property
    def failed(self) -> bool:
        """Whether bits differ, or steps ran on the CPU although their optimizers may have formulas."""
        return bool(self.difference) or (bool(self.fallback) and "formula of '" not in self.fallback)


def expressions() -> list[str]:
    """Every elementwise optimizer that is found by name, alone and under Lookahead, and wrappers over SGD."""
    found: list[str] = []
    for file in optplug.list_plugins()["files"]:
        for name in (one["name"] for one in file.get("optimizers", [])):
            description = next(one for one in optplug.describe(name)["optimizers"] if one["name"] == name)
            # Those that evaluate the loss again have no formula, and need a model.
            if description["granularity"] != "element" or "reevaluate" in description["capabilities"]:
                continue
            if description["bases"]:
                found.append(f"{name}(sgd)")
            else:
                found += [name, f"lookahead(k=3, {name})"]
    return sorted(set(found))


def shapes(seed: int) -> list[tuple[int, ...]]:
    """Random ones, among them the empty, the single and one longer than a block of threads."""
    generator = random.Random(seed)
    several = [tuple(generator.randint(1, 40) for _ in range(generator.randint(1, 3))) for _ in range(8)]
    return [*several, (), (0,), (generator.randint(5000, 20000),)]


def compare(expression: str, dtype: torch.dtype, device: torch.device, seed: int = 0) -> Comparison:
    """Takes the same steps on a device and on the CPU."""
    generator = torch.Generator().manual_seed(seed)

    def values(shape: tuple[int, ...]) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    starts = [values(shape) for shape in shapes(seed)]
    near = [torch.nn.Parameter(start.clone()) for start in starts]
    far = [torch.nn.Parameter(start.to(device, copy=True)) for start in starts]
    here, there = Optimizer(near, expression), Optimizer(far, expression)
    here._stays_off_gpu = "the reference"
    name = str(dtype).removeprefix("torch.")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for step in range(STEPS):
            for place, (p, q) in enumerate(zip(near, far)):
                gradient = None if (step + place) % 5 == 4 else values(tuple(p.shape))
                p.grad, q.grad = gradient, None if gradient is None else gradient.to(device, copy=True)
            here.step()
            there.step()
    if not isinstance(there._engine, GPUEngine):
        return Comparison(expression, name, "", str(said[-1].message) if said else "nobody says why")
    return Comparison(expression, name, _difference(near, here, far, there))


def _difference(near: list, here: Optimizer, far: list, there: Optimizer) -> str:
    for number, (p, q) in enumerate(zip(near, far)):
        if not _equal(p.detach(), q.detach()):
            return f"parameter {number} {tuple(p.shape)}"
        for key, value in here.state[p].items():
            if not _equal(value, there.state[q][key]):
                return f"{key} of parameter {number} {tuple(p.shape)}"
    return ""


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    """In every bit, but for those of what is not a number."""
    a, b = a.cpu().contiguous().reshape(-1), b.cpu().contiguous().reshape(-1)
    bits = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[a.element_size()]
    return bool(((a.view(bits) == b.view(bits)) | (a.isnan() & b.isnan())).all())


def compare_all(device: torch.device) -> list[Comparison]:
    return [compare(e, dtype, device, seed) for seed, e in enumerate(expressions()) for dtype in DTYPES]
