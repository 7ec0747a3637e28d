"""Optax under jax.jit on the CPU, with parameters and state donated, so that XLA may update them in place."""

import math
import os
from collections.abc import Iterable

# XLA sizes its thread pool by the CPUs that the process may use when JAX is imported.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(os.environ["OMP_NUM_THREADS"])])

import jax
import jax.numpy as jnp
import numpy as np
import optax

from step.peers.inputs import Floats, fill_gradients, fill_parameters
from step.peers.serve import Case

VERSION = f"{optax.__version__}, jax {jax.__version__}"
IMPLEMENTATIONS = ("jit",)


class OptaxModel:
    """Parameters and gradients as lists of arrays. Clipping leaves the gradients alone: jax arrays never change."""

    def __init__(self, case: Case) -> None:
        transformation = make(case)
        self.parameters: list[jax.Array] = []
        self.gradients: list[jax.Array] = []
        start = 0
        for shape in case["tensors"]:
            buffer = np.empty(math.prod(shape), np.float32)
            for fill, arrays in ((fill_parameters, self.parameters), (fill_gradients, self.gradients)):
                fill(buffer, start)
                arrays.append(jnp.array(buffer.reshape(shape), copy=True).block_until_ready())
            start += buffer.size
        self.state = transformation.init(self.parameters)

        def update(parameters, state, gradients):
            updates, state = transformation.update(gradients, state, parameters)
            return optax.apply_updates(parameters, updates), state

        self.update = jax.jit(update, donate_argnums=(0, 1))

    def step(self) -> None:
        self.parameters, self.state = self.update(self.parameters, self.state, self.gradients)
        jax.block_until_ready((self.parameters, self.state))

    def restore_gradients(self) -> None:
        pass

    def values(self) -> Iterable[Floats]:
        return map(np.asarray, self.parameters)


def make(case: Case) -> optax.GradientTransformation:
    given = case["hyperparameters"]
    match case["optimizer"]:
        case "sgd":
            chosen = optax.sgd(given["lr"], momentum=given["momentum"], nesterov=bool(given["nesterov"]))
        case "adam":
            chosen = optax.adam(given["lr"], given["beta1"], given["beta2"], given["eps"])
        case "adamw":
            chosen = optax.adamw(
                given["lr"], given["beta1"], given["beta2"], given["eps"], weight_decay=given["weight_decay"]
            )
        case other:
            raise ValueError(f"no {other} here")
    return chosen if case["clip"] is None else optax.chain(optax.clip_by_global_norm(case["clip"]), chosen)


def prepare(implementation: str, case: Case) -> OptaxModel:
    return OptaxModel(case)
