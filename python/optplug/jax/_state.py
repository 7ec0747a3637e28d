"""The optimizer's state as a pytree, and its order in the calls of the host library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from optplug import _library as c
from optplug._host import Host


class State(NamedTuple):
    """All that a step needs and the parameters are not: arrays only, to be saved and restored as any pytree.

    Attributes:
        step: int32, steps taken.
        counters: for each optimizer of the tree, as "step" and "base.step", an int32 vector: the steps that
            each parameter it is in charge of took, in the order of the leaves.
        slots: by path and name, as "slow" or "base.exp_avg", a tree like the parameters, with None where a
            parameter has no such slot. "master" holds the float32 weights of parameters of 16 bits.
        model: slots of the whole model, by path and name.
    """

    step: Any
    counters: dict[str, Any]
    slots: dict[str, Any]
    model: dict[str, Any]


@dataclass(frozen=True)
class Slot:
    """An array of the state; `parameter` is the place of the leaf it belongs to, or None."""

    key: str
    parameter: int | None
    shape: tuple[int, ...]
    dtype: str

    def struct(self) -> jax.ShapeDtypeStruct:
        """What it is in JAX. Without ``jax_enable_x64`` a number of 64 bits is a pair of 32 bits each."""
        if np.dtype(self.dtype).itemsize == 8 and not jax.config.jax_enable_x64:
            return jax.ShapeDtypeStruct((*self.shape, 2), np.dtype("uint32"))
        return jax.ShapeDtypeStruct(self.shape, np.dtype(self.dtype))


class Layout:
    """How the state of one optimizer is ordered: arrays, then counters of each node, then the step."""

    def __init__(self, host: Host, names: Sequence[str]):
        self._names = names
        self._slots = [
            Slot(array.key, array.parameter, tuple(array.shape), array.dtype)
            for array in host.arrays
            if array.kind != c.ARRAY_COUNTER
        ]
        counts = [0] * len(host.paths)
        for array in host.arrays:
            counts[array.node] += array.kind == c.ARRAY_COUNTER
        self._counters = {path + "step": count for path, count in zip(host.paths, counts, strict=True)}

    def structs(self) -> list[jax.ShapeDtypeStruct]:
        """Shapes and types of all leaves, in the library's order."""
        counters = [jax.ShapeDtypeStruct((count,), jnp.int32) for count in self._counters.values()]
        return [slot.struct() for slot in self._slots] + counters + [jax.ShapeDtypeStruct((), jnp.int32)]

    def pack(self, leaves: Sequence[Any], treedef: Any) -> State:
        """A state of leaves in the library's order, for parameters of this tree."""
        slots: dict[str, list[Any]] = {}
        model: dict[str, Any] = {}
        for slot, leaf in zip(self._slots, leaves, strict=False):
            if slot.parameter is None:
                model[slot.key] = leaf
            else:
                slots.setdefault(slot.key, [None] * treedef.num_leaves)[slot.parameter] = leaf
        trees = {key: jax.tree_util.tree_unflatten(treedef, column) for key, column in slots.items()}
        counters = dict(zip(self._counters, leaves[len(self._slots) : -1], strict=True))
        return State(leaves[-1], counters, trees, model)

    def unpack(self, state: State, treedef: Any) -> list[Any]:
        """The leaves of a state in the library's order.

        Raises: ValueError when it is not the state of this optimizer over these parameters.
        """
        if not isinstance(state, State):
            raise ValueError(f"optplug.jax: the state is a {type(state).__name__}; make it with init(params)")
        columns = {key: self._column(key, tree, treedef) for key, tree in state.slots.items()}
        leaves, names = [], []
        for slot in self._slots:
            field = "model" if slot.parameter is None else "slots"
            place = "" if slot.parameter is None else f" of '{self._names[slot.parameter]}'"
            names.append(f"{field}['{slot.key}']{place}")
            source = state.model if slot.parameter is None else columns
            value = source.get(slot.key)
            leaves.append(value if value is None or slot.parameter is None else value[slot.parameter])
        for key in self._counters:
            names.append(f"counters['{key}']")
            leaves.append(state.counters.get(key))
        names.append("step")
        leaves.append(state.step)
        return [
            _checked(name, leaf, struct)
            for name, leaf, struct in zip(names, leaves, self.structs(), strict=True)
        ]

    def _column(self, key: str, tree: Any, treedef: Any) -> list[Any]:
        try:
            return treedef.flatten_up_to(tree)
        except ValueError as error:
            raise ValueError(
                f"optplug.jax: the state's slots['{key}'] is no tree like the parameters ({error}); "
                "make the state with init for these parameters"
            ) from None


def _checked(name: str, leaf: Any, struct: jax.ShapeDtypeStruct) -> Any:
    if leaf is None:
        raise ValueError(f"optplug.jax: the state has no {name}; make it with init of this optimizer")
    leaf = jnp.asarray(leaf)
    if leaf.shape != struct.shape or leaf.dtype != struct.dtype:
        raise ValueError(
            f"optplug.jax: the state's {name} is {leaf.dtype}{list(leaf.shape)}, not "
            f"{struct.dtype}{list(struct.shape)}; make it with init of this optimizer for these parameters"
        )
    return leaf
