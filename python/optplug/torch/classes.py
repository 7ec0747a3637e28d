"""SGD, Adam and AdamW with torch's own signatures, checks and state, and with `jit` as in `Optimizer`.

Each is a subclass of torch's class of the same name: the constructor, its error messages, the parameter groups and the
keys of the state are torch's, so that checkpoints go both ways and code that asks for ``torch.optim.Adam`` is content.
Only the step is ours, with the bits of torch's ``fused=True``. Where our step cannot stand in for torch's
(``differentiable``, ``capturable``, devices like ``meta``, inside a compiled region) torch's own is taken.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

from optplug.torch._base import PluginOptimizer
from optplug.torch._tensors import number

#: Devices of parameters that our step takes.
_DEVICES = ("cpu", "cuda")


class _TorchLike(PluginOptimizer):
    """What the three have in common."""

    _torch: type[torch.optim.Optimizer]

    def __init__(self, *arguments: Any, jit: bool = False, **options: Any):
        self._jit = bool(jit)
        super().__init__(*arguments, **options)

    def __init_subclass__(cls) -> None:
        """What `help` and editors show of the constructor is torch's, with `jit` at the end."""
        super().__init_subclass__()
        signature = inspect.signature(cls._torch)
        jit = inspect.Parameter("jit", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=bool)
        cls.__signature__ = signature.replace(parameters=[*signature.parameters.values(), jit])

    def _torch_step(self) -> Callable[..., Any] | None:
        groups = self.param_groups
        if (
            not torch.compiler.is_compiling()
            and not any(group["differentiable"] or group.get("capturable") for group in groups)
            and (self._engine is not None or all(p.device.type in _DEVICES for g in groups for p in g["params"]))
        ):
            return None
        step = self._torch.step
        while getattr(step, "hooked", False):  # ours runs the hooks already
            step = step.__wrapped__
        return step


class SGD(_TorchLike, torch.optim.SGD):
    """`torch.optim.SGD` through the plugin `sgd`, bit for bit.

    Sparse gradients are made dense.
    """

    _torch = torch.optim.SGD
    _hidden_state = frozenset({"step"})

    def _expression(self) -> str:
        return "sgd"

    def _group_settings(self, group: dict[str, Any]) -> dict[str, Any]:
        return {"lr": number(group["lr"])} | {
            key: group[key] for key in ("momentum", "dampening", "weight_decay", "nesterov", "maximize")
        }


class Adam(_TorchLike, torch.optim.Adam):
    """`torch.optim.Adam` through the plugin `adam`, or `adamw` with `decoupled_weight_decay`, bit for bit as fused."""

    _torch = torch.optim.Adam

    def _expression(self) -> str:
        decoupled = {bool(group.get("decoupled_weight_decay")) for group in self.param_groups}
        if len(decoupled) > 1:
            raise ValueError("decoupled_weight_decay must be the same in all parameter groups")
        return "adamw" if decoupled == {True} else "adam"

    def _group_settings(self, group: dict[str, Any]) -> dict[str, Any]:
        beta1, beta2 = group["betas"]
        return {"lr": number(group["lr"]), "beta1": number(beta1), "beta2": number(beta2)} | {
            key: group[key] for key in ("eps", "weight_decay", "amsgrad", "maximize")
        }

    def _dense_gradient(self, gradient: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
        if gradient.is_sparse:
            raise RuntimeError("Adam does not support sparse gradients, please consider SparseAdam instead")
        return super()._dense_gradient(gradient, parameter)


class AdamW(Adam, torch.optim.AdamW):
    """`torch.optim.AdamW` through the plugin `adamw`, bit for bit as fused."""

    _torch = torch.optim.AdamW
