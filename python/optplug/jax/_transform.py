"""The transformation: what optax calls, and the step in place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from optplug import _library as c
from optplug._host import Host
from optplug.jax._native import Description, Native, Parameter, native
from optplug.jax._state import State

try:
    from optax import GradientTransformation
except ImportError:

    class GradientTransformation(NamedTuple):
        """As in optax."""

        init: Callable[..., Any]
        update: Callable[..., Any]


_TRAINABLE = ("float32", "float64", "bfloat16", "float16")


class Transformation(GradientTransformation):
    """A gradient transformation of optax with one function more.

    ``step(params, grads, state)`` returns new parameters and the new state. Under
    ``jax.jit(optimizer.step, donate_argnums=(0, 2))`` both lie where the old ones did.
    """

    step: Callable[[Any, Any, State], tuple[Any, State]]


def transformation(
    expression: str, *, threads: int | None = None, seed: int = 0, search_path: Sequence[str] | None = None,
    jit: bool = False, **hyperparameters: Any,
) -> Transformation:  # fmt: skip
    """An optimizer by its expression, as ``"lookahead(k=5, adam(lr=1e-3))"``.

    Args:
        expression: optimizers by name or file, with values for hyperparameters.
        threads: that take part in a step; None: as many as there are processors. The result is the same for
            any number.
        seed: for optimizers that use random numbers.
        search_path: folders in which names are looked up; None: ``optplug.search_path()``.
        jit: whether a C compiler makes programs of the whole tree, to the same bits; a warning
            says where the optimizers' own code takes the steps instead.
        hyperparameters: values on top of the expression's, by name or path: ``lr=1e-3``,
            ``**{"base.lr": 1e-3}``. A number, truth value or word is part of the optimizer; a function of the
            number of steps taken, as the schedules of optax, or an array of JAX is computed in the compiled
            program and handed to each step.

    Raises:
        OptPlugError: no such optimizer, or no such hyperparameter.
        ValueError: the optimizer evaluates the loss several times in a step.
    """
    return _Optimizer(expression, threads, seed, search_path, jit, hyperparameters).transformation()


class _Optimizer:
    """An expression with its hyperparameters, for parameters that are not known yet."""

    def __init__(
        self, expression: str, threads: int | None, seed: int, search_path: Sequence[str] | None,
        jit: bool, hyperparameters: dict[str, Any],
    ):  # fmt: skip
        folders = tuple(c.search_path() if search_path is None else search_path)
        host = Host(expression, search_path=folders, jit=jit)
        if host.flags & c.REEVALUATES:
            raise ValueError(
                f"optplug.jax: {expression} evaluates the loss again in the middle of a step, which a step "
                "that is handed gradients cannot do; use another optimizer, or optplug.torch with a closure"
            )
        # By path, since two names may mean the same one.
        values = {
            host.hyperparameters[host.find(name)].path: value for name, value in hyperparameters.items()
        }
        described = {hyperparameter.path: hyperparameter for hyperparameter in host.hyperparameters}
        self._scheduled = {
            path: value for path, value in values.items() if callable(value) or _is_array(value)
        }
        settings = tuple(
            (path, described[path].text(value))
            for path, value in values.items()
            if path not in self._scheduled
        )
        self._description = Description(
            expression, settings, tuple(self._scheduled), threads or 0, seed, folders, jit=jit
        )

    def transformation(self) -> Transformation:
        """As optax sees it."""
        made = Transformation(self.init, self.update)
        made.step = self.step
        return made

    def init(self, params: Any) -> State:
        """The state for parameters that have taken no step."""
        leaves, treedef = jax.tree_util.tree_flatten(params)
        leaves = [jnp.asarray(leaf) for leaf in leaves]
        optimizer = self._native(params, leaves)
        return optimizer.layout.pack(optimizer.init(*leaves), treedef)

    def step(self, params: Any, grads: Any, state: State) -> tuple[Any, State]:
        """New parameters and the new state."""
        leaves, treedef = jax.tree_util.tree_flatten(params)
        leaves = [jnp.asarray(leaf) for leaf in leaves]
        optimizer = self._native(params, leaves)
        operands = (
            leaves + _gradients(params, leaves, treedef, grads) + optimizer.layout.unpack(state, treedef)
        )
        _refuse_other_devices(operands)
        results = optimizer.step(*operands, *self._values(state.step))
        count = len(leaves)
        return (
            jax.tree_util.tree_unflatten(treedef, results[:count]),
            optimizer.layout.pack(results[count:], treedef),
        )

    def update(self, updates: Any, state: State, params: Any = None) -> tuple[Any, State]:
        """What to add to the parameters, and the new state."""
        if params is None:
            raise ValueError("optplug.jax: hand the parameters to update: update(grads, state, params)")
        stepped, state = self.step(params, updates, state)
        return jax.tree_util.tree_map(lambda new, old: new - old, stepped, params), state

    def _native(self, params: Any, leaves: list[Any]) -> Native:
        _refuse_other_devices(leaves)
        parameters = []
        for name, leaf in zip(_names(params), leaves, strict=True):
            if leaf.dtype.name not in _TRAINABLE:
                raise TypeError(
                    f"optplug.jax: parameter '{name}' is {leaf.dtype}; {', '.join(_TRAINABLE)} can be "
                    "trained. Leave others out, as with optax.masked"
                )
            parameters.append(Parameter(name, tuple(leaf.shape), leaf.dtype.name))
        return native(dataclasses.replace(self._description, parameters=tuple(parameters)))

    def _values(self, step: Any) -> list[Any]:
        """The operand with the values of scheduled hyperparameters."""
        if not self._scheduled:
            return []
        dtype = jnp.float64 if jax.config.jax_enable_x64 else jnp.float32
        values = []
        for path, value in self._scheduled.items():
            value = jnp.asarray(value(step) if callable(value) else value)
            if value.shape != ():
                raise ValueError(
                    f"optplug.jax: hyperparameter '{path}' is an array of shape {value.shape}; "
                    "it must be one number"
                )
            values.append(value.astype(dtype))
        return [jnp.stack(values)]


def _is_array(value: Any) -> bool:
    return isinstance(value, jax.Array)


def _names(params: Any) -> list[str]:
    """A unique name for each leaf, by its place in the tree."""
    names: list[str] = []
    taken: set[str] = set()
    for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]:
        parts = [
            str(getattr(key, field))
            for key in path
            for field in ("key", "name", "idx")
            if hasattr(key, field)
        ]
        name = base = ".".join(parts).replace("/", ".").replace("\0", "") or "parameter"
        count = 1
        while name in taken or name == "optimizer":
            count += 1
            name = f"{base}:{count}"
        taken.add(name)
        names.append(name)
    return names


def _gradients(params: Any, leaves: list[Any], treedef: Any, grads: Any) -> list[Any]:
    """The gradients in the order of the parameters.

    Raises: ValueError or TypeError when they do not fit.
    """
    given, structure = jax.tree_util.tree_flatten(grads)
    if structure != treedef:
        raise ValueError(
            "optplug.jax: the gradients' tree differs from the parameters'; hand in one for each\n"
            f"  parameters: {treedef}\n  gradients: {structure}"
        )
    given = [jnp.asarray(gradient) for gradient in given]
    for name, leaf, gradient in zip(_names(params), leaves, given, strict=True):
        if gradient.shape != leaf.shape:
            raise ValueError(
                f"optplug.jax: the gradient of '{name}' has shape {gradient.shape}, "
                f"the parameter {leaf.shape}"
            )
        if gradient.dtype != leaf.dtype:
            raise TypeError(
                f"optplug.jax: the gradient of '{name}' is {gradient.dtype}, the parameter {leaf.dtype}; "
                "convert it with astype"
            )
    return given


def _refuse_other_devices(leaves: list[Any]) -> None:
    for leaf in leaves:
        if not isinstance(leaf, jax.Array) or isinstance(leaf, jax.core.Tracer):
            continue
        elsewhere = [device for device in leaf.devices() if device.platform != "cpu"]
        if elsewhere:
            raise ValueError(
                f"optplug.jax: an array lies on {elsewhere[0]}; the optimizers run on the CPU. Put "
                "parameters, gradients and state there with jax.device_put(..., jax.devices('cpu')[0])"
            )
