"""One optimizer of the host library, in Python's terms: no tensors of any framework here."""

from __future__ import annotations

import ctypes
import json
import math
import os
import warnings
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from optplug import _library as c

DTYPES = {
    "float16": (2, 16), "bfloat16": (4, 16), "float32": (2, 32), "float64": (2, 64), "int8": (0, 8),
    "int16": (0, 16), "int32": (0, 32), "int64": (0, 64), "uint8": (1, 8), "uint16": (1, 16),
    "uint32": (1, 32), "uint64": (1, 64),
}  # fmt: skip
_DTYPE_NAMES = {numbers: name for name, numbers in DTYPES.items()}


@dataclass(frozen=True)
class TensorPlace:
    """A tensor to train: where it lies and what it is. Strides count elements; None means row-major."""

    name: str
    address: int
    shape: tuple[int, ...]
    dtype: str
    group: int
    strides: tuple[int, ...] | None = None


@dataclass(frozen=True)
class StateArray:
    """A piece of state: `key` is its path and name, as "base.exp_avg"; `parameter` is None for the model's."""

    kind: int
    node: int
    parameter: int | None
    key: str
    address: int
    shape: tuple[int, ...]
    dtype: str
    as_parameter: bool


@dataclass(frozen=True)
class Hyperparameter:
    """A hyperparameter of the tree: `key` is the short name where it means this one alone, else the path."""

    path: str
    key: str
    doc: str
    kind: int
    choices: tuple[str, ...]
    minimum: float = -math.inf

    def rounded(self, value):
        """The value, or 0 where a schedule that ends at 0 has left -3e-18 and no negative number is taken."""
        is_tiny = isinstance(value, float) and self.minimum == 0 and -1e-12 < value < 0
        return 0.0 if is_tiny else value

    def value(self, number: float) -> float | int | bool | str:
        """A number of the library in Python's type."""
        if self.kind == c.KIND_BOOLEAN:
            return number != 0
        if self.kind == c.KIND_INTEGER:
            return int(number)
        return self.choices[int(number)] if self.kind == c.KIND_CHOICE else number

    def number(self, value) -> float:
        """A Python value as the library's number.

        Raises: ValueError for a word that is none of the choices.
        """
        if isinstance(value, str):
            if value in self.choices:
                return float(self.choices.index(value))
            expected = f"one of {', '.join(self.choices)}" if self.choices else "a number"
            raise ValueError(f"hyperparameter '{self.path}': expected {expected}, not '{value}'")
        try:
            return float(value)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(f"hyperparameter '{self.path}': expected a number, not {value!r}") from None

    def text(self, value) -> str:
        """A Python value as an expression writes it."""
        if isinstance(value, str):
            return value
        if self.kind == c.KIND_BOOLEAN:
            return "true" if value else "false"
        number = self.number(value)
        return repr(int(number)) if self.kind == c.KIND_INTEGER and number.is_integer() else repr(number)


#: Warnings that were given.
_told: set[str] = set()


class Host:
    """An optimizer over tensors in memory that the caller keeps alive."""

    def __init__(
        self, expression: str, tensors: Sequence[TensorPlace] = (), group_count: int = 1,
        settings: Iterable[tuple[int, str, str]] = (), threads: int = 1, seed: int = 0,
        search_path: Sequence[str] | None = None, jit: bool = False, cuda: bool = False,
    ):  # fmt: skip
        """Opens it. `settings` are (group or ALL_GROUPS, name, text). Raises: OptPlugError.

        With `jit`, compiled programs take the steps; a warning says where that cannot be. With `cuda`, tensors and
        state lie on a GPU.
        """
        if "\0" in expression:
            raise ValueError(f"optimizer expression: {expression!r} has a character 0 in it")
        self._library = library = c.library()
        parameters = (c.Parameter * len(tensors))(*(_parameter(tensor) for tensor in tensors))
        # Named, so that they live until the call returns.
        given = [c.Setting(group=group, name=name.encode(), value=text.encode()) for group, name, text in settings]
        pairs = (c.Setting * len(given))(*given)
        options = c.Options(
            group_count=group_count, expression=expression.encode(),
            search_path=":".join(c.search_path() if search_path is None else search_path).encode(),
            probe=(c.probe() or "").encode() or None,
            parameters=_span(parameters), settings=_span(pairs),
            seed=seed, threads=threads, flags=(c.JIT if jit else 0) | (c.CUDA if cuda else 0),
        )  # fmt: skip
        handle = ctypes.c_void_p()
        library.call("open", ctypes.byref(options), ctypes.byref(handle))
        self._handle = handle
        # Threads do not survive a fork, so that a child must not wait for them.
        self.process = os.getpid()
        weakref.finalize(self, _close, library, handle, self.process)
        self._step_function = library.step
        view = c.View()
        library.call("look", handle, ctypes.byref(view))
        self.flags: int = view.flags
        self.granularity: int = view.granularity
        self.paths = [node.path.decode() for node in _elements(view.nodes, c.Node)]
        self.names = [node.name.decode() for node in _elements(view.nodes, c.Node)]
        self.hyperparameters = [_hyperparameter(raw) for raw in _elements(view.hyperparameters, c.Hyperparameter)]
        self.arrays = [self._array(raw) for raw in _elements(view.arrays, c.Array)]
        #: Whether a step may still be the first that no program takes.
        self._expects_programs = jit
        if jit:
            self._look_at_programs()

    def _look_at_programs(self) -> None:
        """Warns where the optimizers' own code takes steps in spite of `jit`, once for each reason."""
        problem = ctypes.c_char_p()
        self._library.call("program_problem", self._handle, ctypes.byref(problem))
        if problem.value is None:
            return
        self._expects_programs = False
        text = f"jit: {problem.value.decode()}"
        if text not in _told:
            _told.add(text)
            warnings.warn(text, RuntimeWarning, stacklevel=3)

    def _array(self, raw: c.Array) -> StateArray:
        path = "" if raw.kind == c.ARRAY_MASTER else self.paths[raw.node]
        return StateArray(
            raw.kind, raw.node, None if raw.parameter == c.NO_PARAMETER else raw.parameter,
            path + raw.name.decode(), raw.data or 0, tuple(raw.shape[: raw.ndim]) if raw.ndim else (),
            _DTYPE_NAMES[raw.dtype.code, raw.dtype.bits], raw.extent == c.EXTENT_AS_PARAMETER,
        )  # fmt: skip

    def get(self, index: int, group: int = 0) -> float:
        """The value of a hyperparameter by its place."""
        value = ctypes.c_double()
        self._library.call("get", self._handle, index, group, ctypes.byref(value))
        return value.value

    def set(self, index: int, group: int, value: float) -> None:
        """Changes a hyperparameter. Raises: OptPlugError, also when the value decides which state exists."""
        self._library.call("set", self._handle, index, group, value)

    def find(self, name: str) -> int:
        """The place of the hyperparameter of that name or path. Raises: OptPlugError."""
        index = ctypes.c_uint32()
        self._library.call("find", self._handle, name.encode(), ctypes.byref(index))
        return index.value

    def step(
        self, gradients: int, strides: int | None = None, scale: float = 1.0, loss: float | None = None,
        reevaluate: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        """Takes a step.

        `gradients` is the address of an array of addresses, one for each tensor, 0 where there is none; `strides`
        that of an array of addresses of strides. What `reevaluate` raises is raised again.
        """
        arguments = c.StepArguments(gradients=gradients, gradient_strides=strides)
        if scale != 1.0:
            arguments.flags |= c.SCALES
            arguments.gradient_scale = scale
        if loss is not None:
            arguments.flags |= c.KNOWS_LOSS
            arguments.loss = loss
        failures: list[BaseException] = []
        if reevaluate is not None:

            def call(_, result) -> int:
                try:
                    result[0] = reevaluate()
                    return c.OK
                except BaseException as error:  # it must not unwind through the library
                    failures.append(error)
                    return c.INTERNAL

            arguments.reevaluate = c.Reevaluate(call)
        try:
            self._library.call("step", self._handle, ctypes.byref(arguments))
        except c.OptPlugError:
            if failures:
                raise failures[0] from None
            raise
        if self._expects_programs:
            self._look_at_programs()

    def enter_evaluation(self) -> None:
        """Puts the evaluation weights into the tensors."""
        self._library.call("enter_evaluation", self._handle)

    def leave_evaluation(self) -> None:
        """Puts the training weights back."""
        self._library.call("leave_evaluation", self._handle)

    def move(self, tensor: int, address: int) -> None:
        """Says that a tensor lies elsewhere now."""
        self._library.call("move", self._handle, tensor, address)

    def move_state(self, array: int, address: int) -> None:
        """Says that a piece of state, by its place among `arrays`, lies elsewhere now."""
        self._library.call("move_state", self._handle, array, address)

    def use_cuda(self, device: int, stream: int) -> None:
        """Enqueues work on a stream of a GPU from now on. Raises: OptPlugError, UNIMPLEMENTED where that cannot be."""
        self._library.call("use_cuda", self._handle, device, stream)

    def settle(self) -> None:
        """Waits until replayed graphs have taken their steps. Raises: OptPlugError where one could not."""
        self._library.call("settle", self._handle)

    def reset(self, tensors: Sequence[int]) -> None:
        """Gives the state of tensors its initial values."""
        numbers = (ctypes.c_uint32 * len(tensors))(*tensors)
        self._library.call("reset_several", self._handle, numbers, len(tensors))

    def state_changed(self, step: int) -> None:
        """Says that state was written in place, and how many steps were taken."""
        self._library.call("state_changed", self._handle, step)


def _close(library: c.Library, handle: ctypes.c_void_p, process: int) -> None:
    if os.getpid() == process:
        library.close(handle)


def _parameter(tensor: TensorPlace) -> c.Parameter:
    ndim = len(tensor.shape)
    code, bits = DTYPES[tensor.dtype]
    raw = c.Parameter(
        group=tensor.group, name=tensor.name.encode(), data=tensor.address or None, ndim=ndim,
        dtype=c.DType(code, bits, 1),
    )  # fmt: skip
    raw.shape = (ctypes.c_int64 * ndim)(*tensor.shape)
    if tensor.strides is not None:
        raw.strides = (ctypes.c_int64 * ndim)(*tensor.strides)
    return raw


def _span(array: ctypes.Array) -> c.Span:
    return c.Span(ctypes.addressof(array), len(array), ctypes.sizeof(array._type_))


def _elements(span: c.Span, kind: type[ctypes.Structure]) -> list:
    return [kind.from_address(span.data + i * span.stride) for i in range(span.count)]


def _hyperparameter(raw: c.Hyperparameter) -> Hyperparameter:
    description = raw.description.contents
    choices: list[str] = []
    while description.choices and description.choices[len(choices)] is not None:
        choices.append(description.choices[len(choices)].decode())
    return Hyperparameter(
        raw.path.decode(), raw.key.decode(), description.doc.decode(), description.kind, tuple(choices),
        description.min_value,
    )


def _text(expression: str | None, search_path: Sequence[str] | None) -> dict:
    folders = ":".join(c.search_path() if search_path is None else search_path).encode()
    helper = (c.probe() or "").encode() or None
    name = None if expression is None else expression.encode()
    size = ctypes.c_uint64()
    c.library().call("describe", name, folders, helper, None, 0, ctypes.byref(size))
    while True:
        buffer = ctypes.create_string_buffer(size.value)
        c.library().call("describe", name, folders, helper, buffer, len(buffer), ctypes.byref(size))
        if size.value <= len(buffer):
            return json.loads(buffer.value)


def describe(expression: str, search_path: Sequence[str] | None = None) -> dict:
    """Everything that a plugin says of itself, as ``optplug inspect --json``.

    Raises: OptPlugError when it is not found or cannot be used.
    """
    return _text(expression, search_path)


def list_plugins(search_path: Sequence[str] | None = None) -> dict:
    """What is found where, as ``optplug list --json``."""
    return _text(None, search_path)
