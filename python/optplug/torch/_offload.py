"""Parameters on a device, trained on the CPU: all comes to pinned host memory, and the new values go back.

State stays in host memory. Gradients are sent for while backward still computes, by a hook on each parameter.
The device waits for the new values, the CPU does not.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable

import torch

from optplug.torch._compiler import not_compiled
from optplug.torch._device import Device
from optplug.torch._mirror import Copy, Lane, Mirror, identity
from optplug.torch._tensors import local


class Offload:
    """The parameters of an engine that are on devices."""

    def __init__(self, parameters: list[torch.Tensor], devices: list[Device | None]):
        """Brings the parameters. `devices` says where each one is, None for those in host memory."""
        lanes: dict[int, Lane] = {}
        self._mirrors: dict[int, Mirror] = {}
        for i, (parameter, device) in enumerate(zip(parameters, devices)):
            if device is not None:
                lane = lanes.setdefault(id(device), Lane(device))
                self._mirrors[i] = lane.mirror(parameter, local(parameter))
        self._lanes = list(lanes.values())
        for lane in self._lanes:
            lane.make_table()
        self.bring([None] * len(parameters), self._mirrors)
        # The parameters outlive this object, and must not keep it alive.
        handles = [
            mirror.parameter.register_post_accumulate_grad_hook(_hook(weakref.ref(mirror)))
            for mirror in self._mirrors.values()
            if mirror.parameter.requires_grad and mirror.parameter.is_leaf
        ]
        weakref.finalize(self, _remove, handles).atexit = False

    def __contains__(self, number: int) -> bool:
        """Whether the parameter of that number is on a device."""
        return number in self._mirrors

    def memory(self, number: int) -> torch.Tensor | None:
        """The host's copy of a parameter; None for one that is in host memory itself."""
        mirror = self._mirrors.get(number)
        return None if mirror is None else mirror.host

    def moved(self, number: int, remote: torch.Tensor) -> None:
        """Says that a parameter lies elsewhere on its device now."""
        self._mirrors[number].remote = remote

    @torch.no_grad()
    def bring(
        self, gradients: list[torch.Tensor | None], others: Iterable[int],
        plain: Callable[[torch.Tensor, int], torch.Tensor] = lambda gradient, _: gradient,
    ) -> list[torch.Tensor | None]:  # fmt: skip
        """Makes the host's copies those of now: gradients, and parameters that have one or are in `others`.

        `plain` makes a gradient dense and of its parameter's type. Returns the gradients in host memory.
        """
        result, numbers = list(gradients), set(others)
        # Per device what is copied at once, and what only where its check sums say so.
        due: dict[Lane, list[Copy]] = {lane: [] for lane in self._lanes}
        doubtful: dict[Lane, list[Copy]] = {lane: [] for lane in self._lanes}
        for i, mirror in self._mirrors.items():
            gradient = gradients[i]
            if gradient is not None:
                copy = Copy(mirror, plain(gradient, i), is_gradient=True)
                if mirror.may_have(copy.source):
                    doubtful[mirror.lane].append(copy)
                else:
                    due[mirror.lane].append(copy)
                    mirror.take(came_early=False)
                result[i] = mirror.room(copy.source)
            if gradient is not None or i in numbers:
                known = mirror.kept == identity(mirror.remote) and not mirror.is_small
                (doubtful if known else due)[mirror.lane].append(
                    Copy(mirror, mirror.remote, is_gradient=False)
                )
        for lane in self._lanes:
            lane.bring(due[lane], doubtful[lane])
        for lane in self._lanes:
            if due[lane] or doubtful[lane]:
                lane.finish()
        changed = {lane: [copy for copy in doubtful[lane] if not _confirmed(copy)] for lane in self._lanes}
        for lane, copies in changed.items():
            lane.bring(copies, [])
        for lane, copies in changed.items():
            if copies:
                lane.finish()
        self.settle()
        return result

    def settle(self) -> None:
        """Waits until no device reads the host's copies any more, so that they may change."""
        for lane in self._lanes:
            lane.settle()

    @torch.no_grad()
    def send(self, numbers: Iterable[int]) -> None:
        """Sends the host's copies of parameters. The current streams wait for them, the CPU does not."""
        due: dict[Lane, list[Mirror]] = {lane: [] for lane in self._lanes}
        for i in numbers:
            if (mirror := self._mirrors.get(i)) is not None:
                due[mirror.lane].append(mirror)
        for lane, mirrors in due.items():
            if mirrors:
                lane.send(mirrors)


def _confirmed(copy: Copy) -> bool:
    confirmed = copy.is_confirmed()
    if copy.is_gradient:
        copy.mirror.take(came_early=confirmed)
    return confirmed


def _hook(mirror: weakref.ref[Mirror]) -> Callable[[torch.Tensor], None]:
    @not_compiled
    @torch.no_grad()
    def ready(_: torch.Tensor) -> None:
        if (alive := mirror()) is not None:
            alive.send_early()

    return ready


def _remove(handles: list) -> None:
    for handle in handles:
        handle.remove()
