"""Any plugin, or tree of plugins, as a torch optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.optim.optimizer import ParamsT

from optplug._host import Host
from optplug._library import ALL_GROUPS
from optplug.torch._base import PluginOptimizer
from optplug.torch._tensors import number


class Optimizer(PluginOptimizer):
    """The optimizer of an expression, as ``"lookahead(k=5, adam(lr=1e-3))"`` or ``"./mine.so"``.

    Every hyperparameter of the tree is a key of each parameter group, under its name where that is unambiguous and
    under its path (``base.lr``) where it is not; so learning-rate schedulers and per-group options work as with
    torch's own. State lies in ``state[parameter]`` under the slots' names, ``exp_avg`` or ``base.exp_avg``, and
    ``step``.

    Parameters of 16 bits are rounded from masters of 32 bits, ``master`` in the state. What is written into such a
    parameter counts, as of ``model.load_state_dict``, but not what is written past autograd, through ``parameter.data``.
    """

    def __init__(
        self, params: ParamsT, expression: str, *, threads: int | None = None, seed: int = 0,
        search_path: Sequence[str] | None = None, jit: bool = False, **hyperparameters: Any,
    ):  # fmt: skip
        """Makes the optimizer.

        Args:
            params: tensors or groups, as for torch's optimizers.
            expression: which optimizers, and their settings.
            threads: that take part in a step; torch's own number when None.
            seed: for optimizers that use random numbers.
            search_path: folders in which names are looked up; `optplug.search_path()` when None.
            jit: whether a C compiler makes programs of the whole tree, to the same bits. A warning says
                where the optimizers' own code takes the steps instead, since one of them has no formula.
            hyperparameters: on top of the expression, by name; a pair `betas` stands for beta1 and beta2.

        Raises:
            OptPlugError: the expression, a value or a plugin is not right, or there is no compiler for `jit`.
            TypeError: there is no such hyperparameter, or an argument is of another kind.
        """
        if not isinstance(expression, str):
            raise TypeError(
                f"the expression is a {type(expression).__name__}, not a text; write Optimizer(params, 'adam(lr=1e-3)')"
            )
        if isinstance(search_path, str):
            raise TypeError(f"search_path is a list of folders; write [{search_path!r}]")
        if threads is not None and threads < 1:
            raise ValueError(f"Invalid threads: {threads}")
        self._text, self._thread_count, self._seed = expression, threads, seed
        self._jit = bool(jit)
        self._search_path = None if search_path is None else tuple(search_path)
        host = Host(expression, search_path=self._search_path)
        self._paths = {h.key: h.path for h in host.hyperparameters}
        given = self._by_key(host, hyperparameters)
        settings = [(ALL_GROUPS, h.path, h.text(given[h.key])) for h in host.hyperparameters if h.key in given]
        checked = Host(expression, settings=settings, search_path=self._search_path, jit=self._jit)
        defaults = {h.key: h.value(checked.get(i)) for i, h in enumerate(checked.hyperparameters)}
        # Tensors stay tensors, as a learning rate that a compiled schedule writes.
        tensors = {key: value for key, value in given.items() if isinstance(value, torch.Tensor)}
        super().__init__(params, defaults | tensors)

    @staticmethod
    def _by_key(host: Host, given: dict[str, Any]) -> dict[str, Any]:
        keys = {h.path: h.key for h in host.hyperparameters}
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name == "betas" and "betas" not in keys.values():
                if not isinstance(value, Sequence) or len(value) != 2:
                    raise TypeError(f"betas is a pair, beta1 and beta2, not {value!r}")
                values["beta1"], values["beta2"] = value
            else:
                values[name] = value
        result: dict[str, Any] = {}
        for name, value in values.items():
            key = name if name in keys.values() else keys.get(name)
            if key is None:
                raise TypeError(f"there is no hyperparameter '{name}'; there are {', '.join(keys.values())}")
            result[key] = value
        return result

    def _expression(self) -> str:
        return self._text

    def _group_settings(self, group: dict[str, Any]) -> dict[str, Any]:
        return {path: number(group[key]) for key, path in self._paths.items() if key in group}

    def _settle_group(self, group: dict[str, Any]) -> None:
        if "betas" in group and "beta1" in self._paths and "beta2" in self._paths:
            group["beta1"], group["beta2"] = group.pop("betas")
        for key, path in self._paths.items():
            if path.endswith("." + key) and path in group:
                group[key] = group.pop(path)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # perhaps from a checkpoint of torch's
            self._settle_group(group)
            for key in self._paths:
                group.setdefault(key, self.defaults[key])

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_text": self._text, "_paths": self._paths}

    def __repr__(self) -> str:
        return super().__repr__().replace("Optimizer (", f"Optimizer {self._text} (", 1)
