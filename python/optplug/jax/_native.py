"""Optimizers of the host library that compiled programs call: one for each set of shapes and types."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from ctypes import POINTER, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from optplug import _library as c
from optplug._host import DTYPES, Host, TensorPlace
from optplug.jax._state import Layout

_INIT, _STEP, _REFUSE = "optplug_host_xla_init", "optplug_host_xla_step", "optplug_host_xla_refuse"
_CLOSE, _OPEN = "optplug_host_xla_close", "optplug_host_xla_open"


class _Options(c.Sized):
    """optplug_host_xla_options of CHostXLA.h."""

    _fields_ = [
        ("struct_size", c_uint32), ("scheduled_count", c_uint32), ("number", c_uint64),
        ("optimizer", c_void_p), ("parameters", c.Span), ("scheduled", POINTER(c_uint32)),
    ]  # fmt: skip


@functools.cache
def _functions() -> dict[str, Any]:
    """The host library's functions for XLA, registered with XLA."""
    library = ctypes.CDLL(c.library().path)
    try:
        functions = {name: getattr(library, name) for name in (_INIT, _STEP, _REFUSE, _CLOSE, _OPEN)}
    except AttributeError:
        raise c.OptPlugError(
            c.FAILED_PRECONDITION,
            f"the host library {c.library().path} has no calls for XLA; use a newer one",
        ) from None
    functions[_OPEN].argtypes, functions[_OPEN].restype = (
        [POINTER(_Options), POINTER(c.Error)],
        ctypes.c_int32,
    )
    functions[_CLOSE].argtypes, functions[_CLOSE].restype = [c_uint64], None
    for name in (_INIT, _STEP):
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(functions[name]), platform="cpu")
        for platform in ("CUDA", "ROCM"):
            jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(functions[_REFUSE]), platform=platform)
    return functions


@dataclass(frozen=True)
class Parameter:
    """A tensor to train."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Description:
    """All that decides what an optimizer is, but for values that come with each step."""

    expression: str
    settings: tuple[tuple[str, str], ...]
    scheduled: tuple[str, ...]
    threads: int
    seed: int
    search_path: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    jit: bool = False

    @property
    def number(self) -> int:
        """By which programs call it: the same in every process, so that a compiled program from JAX's
        persistent cache finds the optimizer that its tracing has opened."""
        return int.from_bytes(hashlib.blake2b(repr(self).encode(), digest_size=8).digest(), "little") >> 1

    def open(self, addresses: Sequence[int] = ()) -> Host:
        """Opens the optimizer over tensors at these addresses. Raises: OptPlugError."""
        places = [
            TensorPlace(parameter.name, address, parameter.shape, parameter.dtype, 0)
            for parameter, address in zip(self.parameters, addresses, strict=True)
        ]
        settings = [(c.ALL_GROUPS, name, text) for name, text in self.settings]
        return Host(
            self.expression, places, settings=settings, threads=self.threads, seed=self.seed,
            search_path=self.search_path, jit=self.jit,
        )  # fmt: skip


class Native:
    """An open optimizer, and its calls as functions of JAX."""

    def __init__(self, description: Description):
        """Opens it. Raises: OptPlugError."""
        functions = _functions()
        parameters = description.parameters
        sizes = [int(np.prod(p.shape, dtype=np.int64)) * np.dtype(p.dtype).itemsize for p in parameters]
        # Until XLA's buffers come the tensors need some place; calls move them before they read them.
        offsets = np.concatenate([[0], np.cumsum([(size + 63) // 64 * 64 for size in sizes])]).astype(int)
        memory = np.zeros(int(offsets[-1]) + 64, np.uint8)
        addresses = [memory.ctypes.data + int(offset) for offset in offsets[:-1]]
        self._host: Host | None = description.open(addresses)
        self.layout = Layout(self._host, [parameter.name for parameter in parameters])
        self._parameters = parameters
        self._number = description.number
        self._register(functions[_OPEN], description, self._host)
        # Made after the host's own, so that it runs before it also where the interpreter ends.
        self._forget = weakref.finalize(self, _close, functions[_CLOSE], self._number, self._host.process)
        self.init = jax.jit(self._init)
        self.step = jax.jit(self._step)

    def close(self) -> None:
        """Closes it, whoever still knows this object. Calls fail from now on."""
        self._forget()
        self._host = None

    def _register(self, function: Any, description: Description, host: Host) -> None:
        raw = (c.Parameter * len(self._parameters))()
        shapes = []
        for place, parameter in zip(raw, self._parameters, strict=True):
            place.struct_size = ctypes.sizeof(c.Parameter)
            shapes.append((ctypes.c_int64 * len(parameter.shape))(*parameter.shape))
            place.shape, place.ndim = shapes[-1], len(parameter.shape)
            place.dtype = c.DType(*DTYPES[parameter.dtype], 1)
        scheduled = [host.find(name) for name in description.scheduled]
        options = _Options(
            number=self._number, optimizer=host._handle, scheduled_count=len(scheduled),
            parameters=c.Span(ctypes.addressof(raw), len(raw), ctypes.sizeof(c.Parameter)),
            scheduled=(c_uint32 * len(scheduled))(*scheduled),
        )  # fmt: skip
        message = ctypes.create_string_buffer(1024)
        error = c.Error(ctypes.sizeof(c.Error), len(message), ctypes.cast(message, ctypes.c_char_p))
        status = function(ctypes.byref(options), ctypes.byref(error))
        if status != c.OK:
            raise c.OptPlugError(status, message.value.decode(errors="replace"))

    def _structs(self) -> list[jax.ShapeDtypeStruct]:
        return [jax.ShapeDtypeStruct(p.shape, np.dtype(p.dtype)) for p in self._parameters]

    def _init(self, *parameters: Any) -> list[Any]:
        """Parameters to leaves of state."""
        call = jax.ffi.ffi_call(_INIT, self.layout.structs(), vmap_method="sequential")
        return _without_derivative(lambda *operands: call(*operands, optimizer=np.int64(self._number)))(
            *parameters
        )

    def _step(self, *operands: Any) -> list[Any]:
        """Parameters, gradients, leaves of state and scheduled values to parameters and leaves of state."""
        count = len(self._parameters)
        results = self._structs() + self.layout.structs()
        aliases = {i if i < count else count + i: i for i in range(len(results))}
        call = jax.ffi.ffi_call(_STEP, results, vmap_method="sequential", input_output_aliases=aliases)
        return _without_derivative(lambda *values: call(*values, optimizer=np.int64(self._number)))(*operands)


def _close(function: Any, number: int, process: int) -> None:
    # What a fork leaves in a child has locks that nobody opens.
    if os.getpid() == process:
        function(number)


def _without_derivative(function: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """The function, and what to say when it is differentiated."""
    wrapped = jax.custom_jvp(function)

    @wrapped.defjvp
    def refuse(primals, tangents):
        raise TypeError(
            "optplug.jax: an optimizer's step has no derivative; "
            "keep it out of what jax.grad differentiates, or use an optimizer of optax there"
        )

    return wrapped


_natives: dict[Description, Native] = {}
_lock = threading.Lock()


def native(description: Description) -> Native:
    """The optimizer of a description, opened at the first call. Raises: OptPlugError."""
    with _lock:
        found = _natives.get(description)
        if found is None:
            found = _natives[description] = Native(description)
        return found


def clear_caches() -> None:
    """Closes every optimizer and frees its memory. Programs that call one and were compiled before fail from
    now on; call ``jax.clear_caches()`` too, and they are compiled anew."""
    with _lock:
        for found in _natives.values():
            found.close()
        _natives.clear()
