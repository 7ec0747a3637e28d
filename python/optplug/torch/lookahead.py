"""Lookahead around another optimizer: one step of both in one pass over memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim.optimizer import ParamsT

from optplug.torch import classes
from optplug.torch._base import PluginOptimizer
from optplug.torch._differentiable import differentiable_step, needs_graph
from optplug.torch._tensors import number
from optplug.torch.optimizer import Optimizer

_OWN = ("k", "alpha", "lookahead_init", "lookahead_momentum")


class Lookahead(PluginOptimizer):
    """Lookahead (Zhang et al. 2019, https://arxiv.org/abs/1907.08610) over a base optimizer.

    >>> optimizer = Lookahead(AdamW(model.parameters(), lr=1e-3), k=5, alpha=0.5)

    Every `k` steps of the base the slow weights go the part `alpha` of the way towards the fast ones, and the fast ones
    start anew from there. The slow weights begin as the parameters are at the first step, lie in the state as ``slow``
    and are what `evaluation_weights()` shows. Parameter groups have the base's keys and ``k`` and ``alpha``; all of them
    may change between two steps. From here on a base of this package shows the groups and the state of its Lookahead, so
    that a scheduler made for it goes on working; its own `step` is refused. Of torch's own optimizers the groups and the
    state are taken over: a scheduler goes on working too, but the optimizer itself is of no use any more.
    """

    def __init__(
        self, base: torch.optim.Optimizer | type[torch.optim.Optimizer] | str, params: ParamsT | None = None, *,
        k: int = 5, alpha: float = 0.5, init: str = "copy", momentum_mode: str = "none", **options: Any,
    ):  # fmt: skip
        """Wraps an optimizer, or makes the base.

        Args:
            base: an optimizer of this package, or torch's SGD, Adam or AdamW, which is taken over with its state; or
                the class or the class's name, for `params` and `options`.
            params: what the base shall train, when it is to be made.
            k: steps of the base between two syncs, at least 1.
            alpha: how far the slow weights go towards the fast ones, 0 to 1.
            init: "copy": the slow weights start as the parameters are; "lazy": as the fast weights at the first sync.
            momentum_mode: what a sync does to the base's first moments: "none", "reset" (to zero), "pullback" (as the
                weights) or "reset_all" (the base starts afresh).
            options: of the base.

        Raises:
            ValueError: a value is not allowed.
            TypeError: the base cannot be wrapped.
        """
        if isinstance(base, torch.optim.Optimizer):
            if params is not None or options:
                raise TypeError("an optimizer that is there already takes no params and no options")
            base = _ours(base)
        else:
            if params is None:
                raise TypeError("a base given by its class needs params")
            base = _make(base, params, options)
        if k < 1 or k != int(k):
            raise ValueError(f"Invalid k: {k}")
        if not 0.0 <= alpha <= 1.0:
            raise ValueError(f"Invalid alpha: {alpha}")
        if init not in ("copy", "lazy"):
            raise ValueError(f"Invalid init: {init}")
        if momentum_mode not in ("none", "reset", "pullback", "reset_all"):
            raise ValueError(f"Invalid momentum_mode: {momentum_mode}")
        if isinstance(base, Lookahead):
            raise TypeError(
                "a Lookahead cannot wrap a Lookahead, whose k and alpha have the same names; use "
                "Optimizer(params, 'lookahead(lookahead(adam))')"
            )
        self.base = base
        if isinstance(base, Optimizer):
            base._paths = _renamed(base._paths)
            base.defaults = _renamed(base.defaults)
            base.param_groups = [_renamed(group) for group in base.param_groups]
        self._search_path, self._seed, self._thread_count = base._search_path, base._seed, base._thread_count
        self._jit = base._jit
        own = {"k": k, "alpha": alpha, "lookahead_init": init, "lookahead_momentum": momentum_mode}
        state = base.state
        super().__init__(base.param_groups, {**own, **base.defaults})
        self.state.update(state)
        base._wrapper = self

    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Takes one step of the base, and every `k` steps a sync; see `torch.optim.Optimizer.step`."""
        if any(group.get("capturable") for group in self.param_groups):
            raise NotImplementedError("Lookahead does not support capturable=True")
        result = super().step(closure)
        self.base._opt_called = True  # for schedulers that were made for the base
        return result

    def _torch_step(self) -> Callable[..., Any] | None:
        return _step_with_graph if any(group.get("differentiable") for group in self.param_groups) else None

    def _expression(self) -> str:
        return f"lookahead({self.base._expression()})"

    def _group_settings(self, group: dict[str, Any]) -> dict[str, Any]:
        own = {"k": number(group["k"]), "alpha": number(group["alpha"]), "init": group["lookahead_init"],
               "momentum": group["lookahead_momentum"]}  # fmt: skip
        return own | {f"base.{path}": value for path, value in self.base._group_settings(group).items()}

    def _dense_gradient(self, gradient: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
        return self.base._dense_gradient(gradient, parameter)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "base" in state:
            self.base._wrapper = self
            return
        groups = self.param_groups
        if isinstance(self.base, Optimizer) and groups and "k" not in groups[0]:  # a checkpoint of the base alone
            groups[:] = [_renamed(group) for group in groups]
        for group in groups:
            self._settle_group(group)
            for key in (*_OWN, *self.base.defaults):
                group.setdefault(key, self.defaults[key])

    def _settle_group(self, group: dict[str, Any]) -> None:
        self.base._settle_group(group)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "base": self.base}

    def __repr__(self) -> str:
        return super().__repr__().replace("Lookahead (", f"Lookahead over {type(self.base).__name__} (", 1)


def _step_with_graph(optimizer: Lookahead, closure: Callable[[], float] | None) -> Any:
    """A step with `differentiable=True`, which is the library's where there is nothing to differentiate."""
    if closure is None and not any(map(needs_graph, optimizer.param_groups)):
        return optimizer._step(None)
    with torch.enable_grad():
        loss = None if closure is None else closure()
    differentiable_step(optimizer)
    return loss


def _ours(base: torch.optim.Optimizer) -> PluginOptimizer:
    """An optimizer that can be wrapped: the same, or one of ours in place of torch's, with its state."""
    if isinstance(base, PluginOptimizer):
        if base._wrapper is not None:
            raise TypeError("this optimizer is the base of another one already")
        return base
    kind = {"SGD": classes.SGD, "Adam": classes.Adam, "AdamW": classes.AdamW}.get(type(base).__name__)
    if kind is None or type(base).__module__.partition(".")[0] != "torch":
        raise TypeError(
            f"{type(base).__name__} cannot be wrapped: only this package's optimizers, and torch's SGD, Adam and AdamW"
        )
    ours = kind(base.param_groups)  # the same dicts, so that a scheduler made for the base goes on working
    ours.defaults = dict(base.defaults)
    ours.state.update(base.state)
    return ours


def _renamed(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a base with those that are called as Lookahead's under their path, as `base.alpha`."""
    return {f"base.{key}" if key in _OWN else key: value for key, value in settings.items()}


def _make(base: type[torch.optim.Optimizer] | str, params: ParamsT, options: dict[str, Any]) -> PluginOptimizer:
    if isinstance(base, type) and issubclass(base, PluginOptimizer):
        return base(params, **options)
    name = base if isinstance(base, str) else base.__name__
    kind = {"SGD": classes.SGD, "Adam": classes.Adam, "AdamW": classes.AdamW}.get(name)
    if kind is not None:
        return kind(params, **options)
    # Others by the name of their plugin: torch.optim.RMSprop is rmsprop.
    return Optimizer(params, name if any(sign in name for sign in "(/.") else name.lower(), **options)
