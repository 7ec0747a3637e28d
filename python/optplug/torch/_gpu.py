"""Steps on a GPU: where every optimizer of the tree has a formula, the library runs it there as a kernel."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from optplug import _library as c
from optplug._host import StateArray
from optplug.torch._engine import Engine
from optplug.torch._tensors import Form, dtype_of

if TYPE_CHECKING:
    from optplug.torch._base import PluginOptimizer


_NOT_READY = (
    "a graph is captured, but the optimizer's state is not there yet, or not for these parameters and gradients; take one "
    "step before, as PyTorch's notes on CUDA graphs say"
)


class CannotRun(Exception):
    """Why the steps cannot run on the GPU."""


class GPUEngine(Engine):
    """A host optimizer whose parameters, gradients and state stay on a GPU. The CPU waits for nothing."""

    _on_gpu = True

    def __init__(self, optimizer: PluginOptimizer, device: torch.device):
        """Raises: CannotRun, with the reason."""
        if is_capturing(device):
            raise RuntimeError(_NOT_READY)
        self.device = device
        self._stream: int | None = None
        try:
            super().__init__(optimizer)
        except c.OptPlugError as error:
            if error.status != c.UNIMPLEMENTED:
                raise
            raise CannotRun(str(error)) from None

    def _make_forms(self, keeps_shape: bool) -> list[Form]:
        forms = [Form(parameter, keeps_shape) for parameter in self.parameters]
        for number, form in enumerate(forms):
            if form.strides is not None:
                raise CannotRun(f"parameter {number} has gaps in memory: its strides are {form.strides}")
        return forms

    def _opened(self) -> None:
        load_compiler()
        self._follow_stream()

    def _follow_stream(self) -> None:
        stream = current_stream(self.device)
        if stream != self._stream:
            self.host.use_cuda(number_of(self.device), stream)
            self._stream = stream

    def _state_memory(self, a: StateArray, place: int) -> torch.Tensor:
        if a.address:
            return super()._state_memory(a, place)
        tensor = torch.empty(a.shape, dtype=dtype_of(a.dtype), device=self.device)
        if tensor.numel():
            self.host.move_state(place, tensor.data_ptr())
        return tensor

    def set_hyperparameters(self, optimizer: PluginOptimizer) -> bool:
        if self.recorded and is_capturing(self.device) and self._settings.have_changed(optimizer):
            raise RuntimeError(
                "a graph is captured, but settings have changed since the last step; call apply_settings() before"
            )
        return super().set_hyperparameters(optimizer)

    def adopt_state(self, optimizer: PluginOptimizer, present: list[int]) -> None:
        self._follow_stream()
        super().adopt_state(optimizer, present)

    def step(
        self, optimizer: PluginOptimizer, scale: float = 1.0, loss: float | None = None,
        reevaluate: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self._follow_stream()
        if not is_capturing(self.device):
            return super().step(optimizer, scale, loss, reevaluate)
        gradients, kinds, present = self._found_gradients()
        if not self.shows_state(optimizer, present):
            raise RuntimeError(_NOT_READY)
        # What is captured is not taken: the graph takes it, at each replay.
        _, addresses, _ = self._gradients.laid_out(optimizer, gradients, kinds, present)
        self.host.step(addresses.buffer_info()[0], None, scale)
        self.recorded = True

    def refuse_capture(self, what: str) -> None:
        """For what needs numbers of the GPU on the CPU. Raises: RuntimeError while a graph is captured."""
        if is_capturing(self.device):
            raise RuntimeError(f"{what} cannot be captured: it asks the GPU for a number; call optimizer.step() instead")

    def catch_up(self) -> None:
        """Takes note of the steps that replays of graphs have taken, once they have."""
        if self.recorded and not is_capturing(self.device):
            self.host.settle()
            if not self._counters.were_written():
                self._counters.read()
            self.steps_taken = max(self.steps_taken, self._counters.most)


def make_engine(optimizer: PluginOptimizer) -> Engine:
    """The engine for the parameters as they are. One on the CPU says once why it is there although they are not."""
    if optimizer._stays_off_gpu is None:
        try:
            device = device_of([p for group in optimizer.param_groups for p in group["params"]])
            return Engine(optimizer) if device is None else GPUEngine(optimizer, device)
        except CannotRun as reason:
            leave_gpu(optimizer, str(reason))
    return Engine(optimizer)


def leave_gpu(optimizer: PluginOptimizer, reason: str) -> None:
    """Says that steps run on the CPU from now on."""
    optimizer._stays_off_gpu = reason
    warnings.warn(
        f"the steps of {optimizer._expression()} run on the CPU, to which gradients are copied and from which parameters "
        f"come back: {reason}",
        stacklevel=2,
    )


# ---- What torch says of GPUs -----------------------------------------------------------------------------


def device_of(parameters: list[torch.Tensor]) -> torch.device | None:
    """The GPU that holds all parameters; None where none is on a GPU, and for those that are not NVIDIA's.

    Raises: CannotRun when they are on several.
    """
    devices = {parameter.device for parameter in parameters}
    if all(device.type != "cuda" for device in devices) or torch.version.hip is not None:
        return None
    if len(devices) > 1:
        raise CannotRun(f"the parameters are on several devices: {', '.join(sorted(map(str, devices)))}")
    return devices.pop()


def number_of(device: torch.device) -> int:
    """The number of a GPU among those that this process sees."""
    return torch.cuda.current_device() if device.index is None else device.index


def current_stream(device: torch.device) -> int:
    """The address of the stream on which torch enqueues work now."""
    return torch.cuda.current_stream(device).cuda_stream


def is_capturing(device: torch.device) -> bool:
    """Whether what is enqueued on a GPU's current stream becomes a graph."""
    with torch.cuda.device(device):
        return torch.cuda.is_current_stream_capturing()


@functools.cache
def load_compiler() -> None:
    """Loads the NVRTC that comes with torch or from PyPI, so that the library finds it by its name.

    Where there is none in this environment, the library looks on the system.
    """
    if "OPTPLUG_NVRTC" in os.environ:
        return
    for file in compilers(compiler_folders(), torch.version.cuda):
        try:
            ctypes.CDLL(str(file))
            return
        except OSError:
            continue


def compiler_folders() -> list[Path]:
    """Where packages of PyPI and torch keep NVRTC."""
    found = importlib.util.find_spec("nvidia")
    folders = [Path(place) for place in found.submodule_search_locations or []] if found else []
    return [*folders, Path(torch.__file__).parent / "lib"]


def compilers(folders: list[Path], cuda: str | None) -> list[Path]:
    """The NVRTCs below some folders: those of a version of CUDA, as "12.8", then the newest."""
    wanted = (cuda or "").partition(".")[0]
    files = [file for folder in folders for file in folder.glob("**/libnvrtc.so.*") if file.suffix[1:].isdigit()]
    return sorted(files, key=lambda file: (file.suffix[1:] == wanted, int(file.suffix[1:])), reverse=True)
