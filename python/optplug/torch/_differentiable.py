"""A step of Lookahead in torch's own operations, for `differentiable=True`: gradients flow through it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from optplug.torch.lookahead import Lookahead


def needs_graph(group: dict[str, Any]) -> bool:
    """Whether a step of this group shall leave a graph: it is asked for, and something is there to flow."""
    return bool(group.get("differentiable")) and any(
        p.grad is not None and (p.requires_grad or p.grad.requires_grad) for p in group["params"]
    )


def differentiable_step(optimizer: Lookahead) -> None:
    """Takes a step of the base as torch does it, and a sync where one is due.

    State is read and left where the library's own step has it.

    Raises: NotImplementedError for what has no such step.
    """
    base, present = optimizer.base, []
    for group in optimizer.param_groups:
        if group["lookahead_init"] != "copy" or group["lookahead_momentum"] != "none":
            raise NotImplementedError("differentiable=True needs init='copy' and momentum_mode='none'")
        present += [(group, p) for p in group["params"] if p.grad is not None]
    inner: dict[torch.Tensor, dict[str, Any]] = defaultdict(dict)
    for _, p in present:
        entry = optimizer.state[p]
        entry.setdefault("step", torch.zeros((), dtype=torch.float32))
        entry.setdefault("slow", p.detach().clone())
        inner[p].update({k.removeprefix("base."): v for k, v in entry.items() if k.startswith("base.")})
    base._wrapper = None
    base.state, base.param_groups = inner, optimizer.param_groups
    try:
        step = base._torch_step()
        if step is None:
            raise NotImplementedError(f"{type(base).__name__} has no differentiable step")
        step(base)
    finally:
        base._wrapper = optimizer
    with torch.enable_grad():
        for group, p in present:
            entry = optimizer.state[p]
            counts = {"step": inner[p].get("step", 0) + 1} if base._hidden_state else {}  # SGD of torch has none
            entry.update({f"base.{key}": value for key, value in {**inner[p], **counts}.items() if value is not None})
            entry["step"] = entry["step"] + 1
            if int(entry["step"]) % int(group["k"]) == 0:
                entry["slow"] = entry["slow"] + group["alpha"] * (p - entry["slow"])
                p.copy_(entry["slow"])
