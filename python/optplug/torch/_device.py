"""What an optimizer on the CPU needs of a device with parameters: memory, copies that run aside, and order.

Work that is enqueued on a device runs in the order of its queue. There are two: the current stream, in which
the model computes, and the side stream of this package, in which data comes and goes meanwhile.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol

import torch

#: The integers with which elements of so many bytes are read as bits.
_BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class Device(Protocol):
    """A device with its side stream. Source and target of a copy have the same type and shape."""

    def pinned(self, like: torch.Tensor) -> torch.Tensor:
        """Host memory that the device can reach, for a tensor: of its strides, but without gaps."""

    def table(self, rows: int, columns: int) -> torch.Tensor:
        """Memory of the device for whole numbers, zero."""

    def after_current(self) -> None:
        """Lets what the side stream is given from now on wait for all that the current stream was given."""

    def to_host(self, target: torch.Tensor, source: torch.Tensor) -> None:
        """Enqueues a copy into pinned memory on the side stream."""

    def to_device(self, target: torch.Tensor, source: torch.Tensor) -> None:
        """Enqueues a copy from pinned memory on the side stream."""

    def sums(self, row: torch.Tensor, source: torch.Tensor, aside: bool) -> None:
        """Enqueues the check sums of a tensor, two numbers, on the side stream or on the current one."""

    def mark(self) -> Any:
        """An event for what the side stream was given so far."""

    def current_waits(self, event: Any) -> None:
        """Lets what the current stream is given from now on wait for an event."""

    def wait(self, event: Any) -> None:
        """Blocks the CPU until an event has come."""

    def records(self) -> bool:
        """Whether the current stream only records what it is given, to run it later again and again."""


def check_sums(row: torch.Tensor, source: torch.Tensor) -> None:
    """Sums up a tensor's bits, and the values of some of its elements.

    The first sum changes with any single element. The second one changes where the bits' changes cancel out,
    as when signs or places are exchanged: its elements are picked so that few exchanges keep to them.
    """
    flat = source.as_strided((source.numel(),), (1,)) if is_dense(source) else source.flatten()
    torch.sum(flat.view(_BITS[flat.itemsize]), dim=0, dtype=torch.int64, out=row[0])
    some = flat[: (3 * flat.numel() + 7) // 8 : 7]
    torch.sum(some, dim=0, dtype=torch.float64, out=row[1].view(torch.float64))


def is_dense(tensor: torch.Tensor) -> bool:
    """Whether the elements fill a piece of memory without gaps, in any order of the axes."""
    expected = 1
    for stride, size in sorted((t, s) for t, s in zip(tensor.stride(), tensor.shape) if s != 1):
        if stride != expected:
            return tensor.numel() == 0
        expected *= size
    return True


class CUDADevice:
    """A GPU of NVIDIA's, or of AMD's, which torch calls by the same name."""

    def __init__(self, device: torch.device):
        self._device = device
        self._side = torch.cuda.Stream(device)

    def pinned(self, like: torch.Tensor) -> torch.Tensor:
        return torch.empty_like(like, device="cpu", pin_memory=True, requires_grad=False)

    def table(self, rows: int, columns: int) -> torch.Tensor:
        return torch.zeros(rows, columns, dtype=torch.int64, device=self._device)

    def after_current(self) -> None:
        self._side.wait_stream(torch.cuda.current_stream(self._device))

    def to_host(self, target: torch.Tensor, source: torch.Tensor) -> None:
        with torch.cuda.stream(self._side):
            # Asynchronous copies are between memory of one order: torch would bring others by way of memory
            # of its own, and copy from that before the first copy is done.
            if source.stride() == target.stride():
                target.copy_(source, non_blocking=True)
            else:
                packed = torch.empty_like(target, device=self._device).copy_(source)
                target.copy_(packed, non_blocking=True)
        source.record_stream(self._side)  # its memory must not be used again before

    def to_device(self, target: torch.Tensor, source: torch.Tensor) -> None:
        with torch.cuda.stream(self._side):
            if source.stride() == target.stride():
                target.copy_(source, non_blocking=True)
            else:
                packed = torch.empty_like(source, device=self._device).copy_(source, non_blocking=True)
                target.copy_(packed)

    def sums(self, row: torch.Tensor, source: torch.Tensor, aside: bool) -> None:
        with torch.cuda.stream(self._side if aside else torch.cuda.current_stream(self._device)):
            check_sums(row, source)

    def mark(self) -> torch.cuda.Event:
        event = torch.cuda.Event()
        event.record(self._side)
        return event

    def current_waits(self, event: torch.cuda.Event) -> None:
        torch.cuda.current_stream(self._device).wait_event(event)

    def wait(self, event: torch.cuda.Event) -> None:
        event.synchronize()

    def records(self) -> bool:
        return torch.cuda.is_current_stream_capturing()


@cache
def _cuda(device: torch.device) -> CUDADevice:
    return CUDADevice(device)


def device_of(tensor: torch.Tensor) -> Device | None:
    """The device that holds a tensor; None for the host.

    Raises: ValueError for devices that nothing can be brought from and to.
    """
    device = tensor.device
    if device.type == "cpu":
        return None
    if device.type == "cuda":
        return _cuda(device)
    remedy = (
        "give it memory first, with model.to_empty(device=...), and load its values"
        if device.type == "meta"
        else "keep the model on the CPU, or train it with an optimizer of torch's own"
    )
    raise ValueError(
        f"it is on {device}; the step runs on the CPU and reaches CPU and CUDA tensors only: {remedy}"
    )
