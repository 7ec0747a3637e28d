"""What the `state` of a torch optimizer holds, whoever put it there: a step, a checkpoint or the user."""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

import torch

from optplug._host import Host
from optplug._library import ARRAY_COUNTER
from optplug.torch._tensors import view


class Counters:
    """How often each parameter was stepped under each optimizer of a tree: the library's numbers, shown as torch's.

    Torch keeps `step` as float32; here those of all parameters are one tensor for each node, of which `state` shows the
    elements.
    """

    def __init__(self, host: Host, count: int):
        first: dict[int, int] = {}
        for a in host.arrays:
            if a.kind == ARRAY_COUNTER:
                first.setdefault(a.node, a.address - 8 * (a.parameter or 0))
        self._counts = {node: view(address, (count,), "int64", host) for node, address in first.items()}
        #: By node.
        self.steps = {node: torch.zeros(count, dtype=torch.float32, device="cpu") for node in first}
        self._seen = {node: steps.clone() for node, steps in self.steps.items()}

    def were_written(self) -> bool:
        """Whether somebody has changed what is shown."""
        return not all(map(torch.equal, self.steps.values(), self._seen.values()))

    def write(self) -> None:
        """Hands what is shown to the library."""
        for node, steps in self.steps.items():
            self._counts[node].copy_(steps)
            self._seen[node].copy_(steps)

    def read(self) -> None:
        """Shows what the library has."""
        for node, steps in self.steps.items():
            steps.copy_(self._counts[node])
            self._seen[node].copy_(steps)

    @property
    def most(self) -> int:
        """The most steps that a parameter took under the root."""
        root = self._counts.get(0)
        return int(root.max()) if root is not None and root.numel() else 0


class Found(NamedTuple):
    """What `state` held for a parameter: copies of its values, its counters by node, and keys that are out of date."""

    values: dict[str, torch.Tensor]
    steps: dict[int, float]
    aliases: list[str]


def find(entry: dict, key: str) -> torch.Tensor | None:
    """What `state` holds under a key, or a slot under one that means the same in a tree with another wrapper."""
    value = entry.get(key)
    name = key.rsplit(".", 1)[-1]
    if value is None and name != "step":
        others = [k for k in entry if k == name or k.endswith("." + name)]
        value = entry[others[0]] if len(others) == 1 else None
    return value if value is None or isinstance(value, torch.Tensor) else torch.as_tensor(value)


def counter(entry: dict, path: str, found: dict[str, torch.Tensor]) -> float:
    """The steps that a parameter has taken under a node.

    Checkpoints of torch's SGD have no counter, those of torch's Adam one where a wrapper and its base have two.
    """
    if (steps := entry.get(path + "step")) is None:
        others = [float(value) for key, value in entry.items() if key == "step" or key.endswith(".step")]
        kept = any(key.startswith(path) and "." not in key[len(path) :] for key in found)
        return max(others) if others else float(kept)
    return float(steps)


def check_shape(value: torch.Tensor, target: torch.Tensor, what: str) -> None:
    if value.shape != target.shape:
        raise ValueError(f"{what} has the shape {tuple(value.shape)}, not {tuple(target.shape)}")


def contents(entries: list) -> list:
    """All that is in the dicts of `state`, and what else lies there."""
    try:
        return list(chain.from_iterable(map(dict.values, entries)))
    except TypeError:
        return [value for entry in entries for value in (entry.values() if isinstance(entry, dict) else [entry])]
