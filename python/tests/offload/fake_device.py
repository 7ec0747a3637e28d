"""A device without hardware: tensors in ordinary memory that only its copies and kernels may touch.

The current stream runs at once, as the CPU runs what a test does with the tensors. What the side stream is
given runs as late as it may, when someone waits for it, in the order of the queue: a missing wait shows as
wrong numbers.
"""

from __future__ import annotations

import weakref

import torch
from optplug.torch._device import check_sums


class FakeDevice:
    """Counts, and remembers in `log`, everything that is asked of it.

    With `reads_early`, copies to the host read their source when they are enqueued, as if the device had
    nothing else to do; otherwise when they are waited for. Programs that are right give the same with both.
    """

    def __init__(self, reads_early: bool = False):
        self.log: list[tuple] = []
        self.recording = False
        self._reads_early = reads_early
        self._queue: list = []
        self._enqueued = self._done = 0
        #: Host memory that the device may still read, with the place in the queue after which it does not.
        self._lent: list[tuple[int, torch.Tensor]] = []
        self._pinned: set[int] = set()

    # ---- What the package asks for -----------------------------------------------------------------------

    def pinned(self, like: torch.Tensor) -> torch.Tensor:
        memory = torch.empty_like(like, requires_grad=False)
        memory.fill_(float("nan") if like.is_floating_point() else 77)
        self.log.append(("pinned", memory.numel()))
        self._pinned.add(memory.data_ptr())
        return memory

    def table(self, rows: int, columns: int) -> torch.Tensor:
        return torch.zeros(rows, columns, dtype=torch.int64)

    def after_current(self) -> None:
        self.log.append(("after_current",))

    def to_host(self, target: torch.Tensor, source: torch.Tensor) -> None:
        assert target.data_ptr() in self._pinned and target.dtype == source.dtype
        self.log.append(("to_host", source.data_ptr(), source.dtype))
        taken = source.detach().clone() if self._reads_early else source.detach()
        self._enqueue(lambda: target.copy_(taken))

    def to_device(self, target: torch.Tensor, source: torch.Tensor) -> None:
        assert source.data_ptr() in self._pinned and target.dtype == source.dtype
        self.log.append(("to_device", target.data_ptr(), target.dtype))
        target[:0].copy_(
            source[:0]
        ) if target.dim() else None  # the version changes at once, as on a real device
        self._enqueue(lambda: target.data.copy_(source))
        self._lent.append((self._enqueued, source))

    def sums(self, row: torch.Tensor, source: torch.Tensor, aside: bool) -> None:
        self.log.append(("sums", aside))
        if aside:
            self._enqueue(lambda: check_sums(row, source))
        else:
            check_sums(row, source)

    def mark(self) -> int:
        return self._enqueued

    def current_waits(self, event: int) -> None:
        self.log.append(("current_waits",))
        self._run(event)

    def wait(self, event: int) -> None:
        self.log.append(("wait",))
        self._run(event)
        self._lent = [(place, memory) for place, memory in self._lent if place > event]

    def records(self) -> bool:
        return self.recording

    # ---- What tests ask for ------------------------------------------------------------------------------

    def kinds(self) -> list[str]:
        """What was asked for, without particulars."""
        return [entry[0] for entry in self.log]

    def copies_of(self, kind: str, tensor: torch.Tensor) -> int:
        """How often a tensor was copied."""
        return sum(entry[0] == kind and entry[1] == tensor.data_ptr() for entry in self.log)

    def catch_up(self) -> None:
        """Does everything that was enqueued, of its own accord."""
        self._run(self._enqueued)

    def lent(self) -> list[torch.Tensor]:
        """Host memory that must not change, since the device may still read it."""
        return [memory for _, memory in self._lent]

    def _enqueue(self, work) -> None:
        self._queue.append(work)
        self._enqueued += 1

    def _run(self, event: int) -> None:
        with torch.no_grad():
            while self._done < event:
                self._queue.pop(0)()
                self._done += 1


class FakeDevices:
    """Says which tensors are on which fake device; stands in for `device_of`."""

    def __init__(self) -> None:
        self._devices: dict[int, FakeDevice] = {}
        self._alive: list[weakref.ref] = []

    def put(self, device: FakeDevice | None, *tensors: torch.Tensor) -> None:
        """Puts tensors on a device, or with None back into host memory."""
        for tensor in tensors:
            key = id(tensor)
            self._devices.pop(key, None)
            if device is not None:
                self._devices[key] = device
                self._alive.append(weakref.ref(tensor, lambda _, key=key: self._devices.pop(key, None)))

    def __call__(self, tensor: torch.Tensor) -> FakeDevice | None:
        return self._devices.get(id(tensor))
