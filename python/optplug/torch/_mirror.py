"""Copies of a device's parameters and gradients in host memory, and how one knows that they are still right.

Nothing tells for sure whether a tensor has changed since it was copied: its version is silent about writes
through `.data`, by communication libraries and by replayed graphs. So the device takes check sums of large
tensors, which are compared; small ones are copied outright.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from optplug.torch._device import Device

#: Tensors of so many elements or fewer are copied at every step: to see whether they changed takes as long.
SMALL = 16384
#: How many steps a gradient is not sent for early after that was in vain, as when gradients are clipped.
PAUSE = 15

# Columns of a lane's table, two each: the check sums of gradient and parameter, when it was copied and now.
GRADIENT_COPIED, GRADIENT_NOW, PARAMETER_COPIED, PARAMETER_NOW = 0, 2, 4, 6
COLUMNS = 8


@dataclass(eq=False)
class Mirror:
    """A parameter on a device and its copies in host memory."""

    parameter: torch.Tensor
    lane: Lane
    row: int
    #: The numbers on the device, and what the library updates in their place.
    remote: torch.Tensor
    host: torch.Tensor
    #: What the parameter was when it was last the same as its copy.
    kept: tuple[int, int] | None = None
    #: Where the gradient goes, made when the first one comes, and the strides for which it was made.
    gradient: torch.Tensor | None = None
    gradient_strides: tuple[int, ...] | None = None
    #: What the gradient was when it was sent for early; None when it was not.
    copied: tuple[int, int] | None = None
    #: How often backward has made a gradient since the last step, and in the step before.
    calls: int = 0
    usual_calls: int = 1
    #: For how many steps it is not sent for early.
    pause: int = 0

    @property
    def is_small(self) -> bool:
        return self.remote.numel() <= SMALL

    def sums(self, table: torch.Tensor, column: int) -> torch.Tensor:
        """Where the check sums that begin in a column lie in a table."""
        return table[self.row, column : column + 2]

    def room(self, gradient: torch.Tensor) -> torch.Tensor:
        """Pinned memory for a gradient, the same as long as its strides are."""
        if self.gradient is None or self.gradient_strides != gradient.stride():
            self.gradient, self.gradient_strides = self.lane.device.pinned(gradient), gradient.stride()
        return self.gradient

    def send_early(self) -> None:
        """Enqueues the copy of a gradient that backward has just made, unless it is likely to be in vain."""
        gradient, device = self.parameter.grad, self.lane.device
        self.calls += 1
        if self.is_small or self.pause or self.calls < self.usual_calls:
            return
        if gradient is None or not self._is_plain(gradient) or device.records():
            return
        device.sums(self.sums(self.lane.table, GRADIENT_COPIED), gradient, aside=False)
        device.after_current()
        device.to_host(self.room(gradient), gradient)
        self.copied = identity(gradient)

    def may_have(self, gradient: torch.Tensor) -> bool:
        """Whether the copy that was made early may be that of a gradient.

        More than one write since then might have ended where it began, with the copy made in between.
        """
        if self.copied is None or not self._is_plain(gradient) or gradient.stride() != self.gradient_strides:
            return False
        address, version = identity(gradient)
        return address == self.copied[0] and 0 <= version - self.copied[1] <= 1

    def take(self, came_early: bool) -> None:
        """Counts a gradient of a step, which came early or had to be copied now."""
        if self.calls:
            self.usual_calls, self.calls = self.calls, 0
        if came_early:
            self.pause = 0
        else:
            self.pause = PAUSE if self.copied is not None else max(self.pause - 1, 0)
        self.copied = None

    def _is_plain(self, gradient: torch.Tensor) -> bool:
        """Whether a gradient can be copied as it is."""
        return (
            type(gradient) is torch.Tensor
            and gradient.layout is torch.strided
            and gradient.dtype is self.remote.dtype
            and not gradient.is_neg()
        )


@dataclass(eq=False)
class Copy:
    """A gradient or a parameter, on its way to the host."""

    mirror: Mirror
    source: torch.Tensor
    is_gradient: bool

    def is_confirmed(self) -> bool:
        """Whether the check sums say that the host's copy is that of now."""
        then, now = (GRADIENT_COPIED, GRADIENT_NOW) if self.is_gradient else (PARAMETER_COPIED, PARAMETER_NOW)
        seen = self.mirror.lane.seen
        return torch.equal(self.mirror.sums(seen, then), self.mirror.sums(seen, now))


@dataclass(eq=False)
class Lane:
    """A device with the parameters on it, and what goes to and fro."""

    device: Device
    #: How many parameters are on it. It does not know them: a cycle would keep them alive.
    count: int = 0
    #: The check sums, on the device and in host memory.
    table: Any = None
    seen: Any = None
    #: The event that the device has read what it was sent last; None when that was waited for.
    sent: Any = None

    def mirror(self, parameter: torch.Tensor, remote: torch.Tensor) -> Mirror:
        """Makes the mirror of a parameter; `remote` is its numbers."""
        self.count += 1
        return Mirror(parameter, self, self.count - 1, remote, self.device.pinned(remote))

    def make_table(self) -> None:
        """Makes room for the check sums of the parameters it has by now."""
        self.table = self.device.table(self.count, COLUMNS)
        self.seen = self.device.pinned(self.table)

    def bring(self, due: list[Copy], doubtful: list[Copy]) -> None:
        """Enqueues copies to the host, and the check sums of what may be there already."""
        if not due and not doubtful:
            return
        for copy in doubtful:
            column = GRADIENT_NOW if copy.is_gradient else PARAMETER_NOW
            self.device.sums(copy.mirror.sums(self.table, column), copy.source, aside=False)
        for copy in due:
            if not copy.is_gradient:
                self._keep(copy.mirror, aside=False)
        self.device.after_current()
        for copy in due:
            mirror = copy.mirror
            self.device.to_host(mirror.room(copy.source) if copy.is_gradient else mirror.host, copy.source)
        if doubtful:
            self.device.to_host(self.seen, self.table)

    def send(self, mirrors: list[Mirror]) -> None:
        """Enqueues copies of parameters to the device, for which its current stream waits."""
        self.device.after_current()
        for mirror in mirrors:
            self.device.to_device(mirror.remote, mirror.host)
            self._keep(mirror, aside=True)
        self.sent = self.device.mark()
        self.device.current_waits(self.sent)

    def _keep(self, mirror: Mirror, aside: bool) -> None:
        mirror.kept = identity(mirror.remote)
        if not mirror.is_small:
            self.device.sums(mirror.sums(self.table, PARAMETER_COPIED), mirror.remote, aside)

    def finish(self) -> None:
        """Waits until all that was enqueued is done."""
        self.device.wait(self.device.mark())
        self.sent = None

    def settle(self) -> None:
        """Waits until the device has read what it was sent."""
        if self.sent is not None:
            self.device.wait(self.sent)
            self.sent = None


def identity(tensor: torch.Tensor) -> tuple[int, int]:
    """What changes with most changes of a tensor: its address and its version."""
    return tensor.data_ptr(), tensor._version
