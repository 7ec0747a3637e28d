"""The hyperparameters in the groups of a torch optimizer, as the host library takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from optplug import _library as c
from optplug._host import Host, Hyperparameter

if TYPE_CHECKING:
    from optplug.torch._base import PluginOptimizer


class Settings:
    """What was handed over for each group."""

    def __init__(self, hyperparameters: list[Hyperparameter], optimizer: PluginOptimizer):
        self._hyperparameters = hyperparameters
        self._places = {h.path: i for i, h in enumerate(hyperparameters)}
        self._values = [self._group_values(optimizer, group) for group in optimizer.param_groups]

    @property
    def group_count(self) -> int:
        return len(self._values)

    @property
    def texts(self) -> list[tuple[int, str, str]]:
        """Group, path and value of all that the groups say."""
        return [
            (i, h.path, h.text(value))
            for i, values in enumerate(self._values)
            for h, value in zip(self._hyperparameters, values)
            if value is not None
        ]

    def _group_values(self, optimizer: PluginOptimizer, group: dict) -> list:
        values: list = [None] * len(self._hyperparameters)
        for path, value in optimizer._group_settings(group).items():
            if value is None:
                raise TypeError(f"hyperparameter '{path}': expected a number, not None")
            place = self._places[path]
            values[place] = self._hyperparameters[place].rounded(value)
        return values

    def have_changed(self, optimizer: PluginOptimizer) -> bool:
        """Whether the groups say anything else."""
        return [self._group_values(optimizer, group) for group in optimizer.param_groups] != self._values

    def hand_over(self, optimizer: PluginOptimizer, host: Host) -> bool:
        """Hands over what has changed. Returns whether that was possible: some decide which state exists."""
        for i, group in enumerate(optimizer.param_groups):
            values = self._group_values(optimizer, group)
            if values == self._values[i]:
                continue
            for place, (old, new) in enumerate(zip(self._values[i], values)):
                if new is not None and old != new:
                    try:
                        host.set(place, i, self._hyperparameters[place].number(new))
                    except c.OptPlugError:
                        return False
            self._values[i] = values
        return True
