"""Torch tensors as the host library sees them, and its memory as torch tensors."""

from __future__ import annotations

import ctypes
import math
from array import array
from typing import Any

import torch

from optplug.torch import _device

_NAMES = {
    torch.float16: "float16", torch.bfloat16: "bfloat16", torch.float32: "float32", torch.float64: "float64",
    torch.int8: "int8", torch.int16: "int16", torch.int32: "int32", torch.int64: "int64", torch.uint8: "uint8",
}  # fmt: skip
_DTYPES = {name: dtype for dtype, name in _NAMES.items()}

try:
    from torch.distributed.tensor import DTensor, Replicate, Shard
except ImportError:  # a torch without torch.distributed
    DTensor = None


def is_distributed(tensor: torch.Tensor) -> bool:
    """Whether the tensor is a DTensor."""
    return DTensor is not None and isinstance(tensor, DTensor)


def is_sharded(tensor: torch.Tensor) -> bool:
    """Whether the tensor holds a part of a larger one, the rest of which other processes hold."""
    return is_distributed(tensor) and not all(p.is_replicate() for p in tensor.placements)


def placed(gradient: torch.Tensor, parameter: torch.Tensor) -> torch.Tensor:
    """A gradient divided among the processes as its parameter is: partial sums of a replicated one are added up."""
    if not is_distributed(gradient) or not is_distributed(parameter):
        return gradient
    return gradient.redistribute(placements=parameter.placements)


def refuse_shards(parameters: list[torch.Tensor], expression: str) -> None:
    """For an optimizer that needs whole tensors.

    Raises: ValueError where a parameter is sharded.
    """
    if any(map(is_sharded, parameters)):
        raise ValueError(
            f"{expression} needs whole tensors (their shapes, or sums over them), but the parameters are DTensors "
            "of which each process holds a part; use an elementwise optimizer, as adamw, or do not shard"
        )


def local(tensor: torch.Tensor) -> torch.Tensor:
    """The real numbers that this process holds of a tensor, detached."""
    if is_distributed(tensor):
        tensor = tensor.to_local()
    tensor = tensor.detach().resolve_conj().resolve_neg()
    return torch.view_as_real(tensor) if tensor.is_complex() else tensor


def number(value: Any) -> Any:
    """A setting, out of its tensor where it is one."""
    return value.item() if isinstance(value, torch.Tensor) else value


def dtype_name(dtype: torch.dtype) -> str | None:
    """The library's name of an element type; None for one that it does not know."""
    return _NAMES.get(dtype)


def dtype_of(name: str) -> torch.dtype:
    """The element type that the library calls by a name."""
    return _DTYPES[name]


def view(address: int, shape: tuple[int, ...], dtype: str, owner: object) -> torch.Tensor:
    """The library's memory as a tensor, which keeps `owner` alive."""
    kind = dtype_of(dtype)
    count = math.prod(shape)
    if count == 0:
        return torch.empty(shape, dtype=kind)
    memory = (ctypes.c_char * (count * kind.itemsize)).from_address(address)
    memory.owner = owner  # the tensor keeps the array, the array its owner
    return torch.frombuffer(memory, dtype=kind).view(shape)


def check(parameter: torch.Tensor, number: int) -> _device.Device | None:
    """The device that holds a parameter, None for the host. Raises: ValueError when it cannot be trained."""
    try:
        device = _device.device_of(parameter)
    except ValueError as error:
        raise ValueError(f"parameter {number} cannot be trained: {error}") from None
    if device is not None and is_distributed(parameter):
        raise ValueError(
            f"parameter {number} is a DTensor on {parameter.device}; a step on the CPU takes DTensors in host memory "
            "only: use CPUOffloadPolicy() with fully_shard"
        )
    if parameter.layout is not torch.strided:
        raise ValueError(f"parameter {number} has the layout {parameter.layout}; only dense tensors can be trained")
    if parameter.is_conj() or parameter.is_neg():
        raise ValueError(f"parameter {number} is a conjugated or negated view; train a copy, as of clone()")
    if not (parameter.is_floating_point() or parameter.is_complex()) or dtype_name(local(parameter).dtype) is None:
        raise ValueError(
            f"parameter {number} is {parameter.dtype}; only float16, bfloat16, float32, float64 and complex tensors "
            "can be trained"
        )
    return device


class Form:
    """How the library shall see a parameter, and how state of its shape is shown in torch's.

    Memory that is dense but in another order of axes, as of channels_last, is handed over as it lies: the axes change
    places, so that nothing is copied. An optimizer that looks at shapes gets the true shape and strides instead.
    """

    def __init__(self, tensor: torch.Tensor, keeps_shape: bool, memory: torch.Tensor | None = None):
        """Looks at a parameter, or at the copy of it in host memory that the library shall see in its place."""
        self.tensor = tensor
        self.local = local(tensor) if memory is None else memory
        self.strides: tuple[int, ...] | None = None
        self.axes: tuple[int, ...] | None = None
        if not self.local.is_contiguous():
            order = sorted(range(self.local.dim()), key=lambda axis: (-self.local.stride(axis), axis))
            if not keeps_shape and self.local.permute(order).is_contiguous():
                self.axes = tuple(order)
            else:
                self.strides = self.local.stride()
        self.shape = tuple(self.arranged(self.local).shape)
        # What a gradient that can be handed over as it is has.
        self.gradient_strides = self.local.stride() if self.strides is None else self.local.contiguous().stride()

    def arranged(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of the parameter's shape with its axes in the library's order."""
        return tensor if self.axes is None else tensor.permute(self.axes)

    def restored(self, state: torch.Tensor) -> torch.Tensor:
        """State of the parameter's shape, as torch would show it: complex, in torch's order, sharded."""
        if self.axes is not None:
            state = state.permute([self.axes.index(axis) for axis in range(len(self.axes))])
        if self.tensor.is_complex():
            state = torch.view_as_complex(state)
        if is_distributed(self.tensor):
            state = DTensor.from_local(
                state, self.tensor.device_mesh, self.tensor.placements, run_check=False,
                shape=self.tensor.shape, stride=self.tensor.stride(),
            )  # fmt: skip
        return state

    def beside(self, state: torch.Tensor) -> torch.Tensor:
        """State of another shape than the parameter's, as a value for each block: all processes' one after another.

        Where rows are divided evenly and in whole blocks, that is what one process would have. Where they are not
        divided evenly it stays each process's own.
        """
        if not is_sharded(self.tensor) or state.dim() == 0:
            return state
        mesh, placements = self.tensor.device_mesh, self.tensor.placements
        parts = math.prod(mesh.size(axis) for axis, p in enumerate(placements) if not p.is_replicate())
        if self.local.numel() * parts != self.tensor.numel() * (2 if self.tensor.is_complex() else 1):
            return state
        return DTensor.from_local(
            state, mesh, [Replicate() if p.is_replicate() else Shard(0) for p in placements], run_check=False,
            shape=torch.Size([state.shape[0] * parts, *state.shape[1:]]), stride=state.stride(),
        )  # fmt: skip


class Strides:
    """The strides of gradients that lie in another order than their parameters, as the library reads them."""

    def __init__(self, odd: dict[int, tuple[int, ...]], count: int):
        self._tables = {i: array("q", strides or (1,)) for i, strides in odd.items()}
        self._pointers = array(
            "Q", [self._tables[i].buffer_info()[0] if i in self._tables else 0 for i in range(count)]
        )
        self.address = self._pointers.buffer_info()[0]


def names_of(groups: list[dict]) -> list[str]:
    """Unique names for messages: those that torch was given, where the library takes them."""
    names: list[str] = []
    for group in groups:
        given = group.get("param_names") or [None] * len(group["params"])
        names += [name if name and "/" not in name and name != "optimizer" else "" for name in given]
    taken = set(names)
    numbered = [name or f"parameter{i}" for i, name in enumerate(names)]
    return numbered if len(set(numbered)) == len(numbered) and taken else [f"parameter{i}" for i in range(len(names))]
