"""Lookahead over Adam on the tensors of a ResNet-18, under jit, with parameters and state donated.

optplug.jax's step in place against optax.lookahead(optax.adam), whose parameters are pairs of fast and slow
weights. Both take turns, round by round;
a row states the median over the rounds, and their middle half as noise.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import optplug.jax

_SYNC_PERIOD, _SLOW_RATE, _RATE = 5, 0.5, 1e-3


def shapes(classes: int = 10) -> list[tuple[int, ...]]:
    """Those of the 62 tensors of a ResNet-18: 11.2 million parameters for 10 classes."""
    found: list[tuple[int, ...]] = [(64, 3, 7, 7), (64,), (64,)]
    before = 64
    for width in (64, 128, 256, 512):
        for block in range(2):
            inputs = before if block == 0 else width
            found += [(width, inputs, 3, 3), (width,), (width,), (width, width, 3, 3), (width,), (width,)]
            if inputs != width:
                found += [(width, inputs, 1, 1), (width,), (width,)]
        before = width
    return [*found, (classes, before), (classes,)]


class _Runner:
    """One contender: its compiled step and what the step carries on."""

    def __init__(self, step: Callable[..., Any], carried: Any, grads: Any):
        self._step, self._carried, self._grads = jax.jit(step, donate_argnums=0), carried, grads

    def run(self, steps: int) -> float:
        """Milliseconds for a step, over so many."""
        start = time.perf_counter()
        for _ in range(steps):
            self._carried = self._step(self._carried, self._grads)
        jax.block_until_ready(self._carried)
        return (time.perf_counter() - start) / steps * 1e3


def _tree(seed: int, scale: float) -> dict[str, jax.Array]:
    random = np.random.default_rng(seed)
    return {
        f"p{i:02}": jnp.asarray(random.standard_normal(shape, np.float32) * scale)
        for i, shape in enumerate(shapes())
    }


def _optplug() -> _Runner:
    optimizer = optplug.jax.transformation(
        f"lookahead(k={_SYNC_PERIOD}, alpha={_SLOW_RATE}, adam(lr={_RATE}))"
    )
    params = _tree(0, 0.05)

    def step(carried, grads):
        params, state = carried
        return optimizer.step(params, grads, state)

    return _Runner(step, (params, optimizer.init(params)), _tree(1, 0.01))


def _optax() -> _Runner:
    optimizer = optax.lookahead(optax.adam(_RATE), _SYNC_PERIOD, _SLOW_RATE)
    params = optax.LookaheadParams.init_synced(_tree(0, 0.05))
    # Donated buffers must differ.
    params = jax.tree_util.tree_map(jnp.copy, params)

    def step(carried, grads):
        params, state = carried
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    return _Runner(step, (params, optimizer.init(params)), _tree(1, 0.01))


def measure(rounds: int = 21, steps: int = 20) -> list[dict[str, Any]]:
    """A row for each contender: milliseconds for a step, as median and quartiles over the rounds."""
    runners = {"optplug.jax": _optplug(), "optax": _optax()}
    times: dict[str, list[float]] = {name: [] for name in runners}
    for runner in runners.values():
        runner.run(steps)
    for i in range(rounds):
        order = list(runners) if i % 2 == 0 else list(reversed(runners))
        for name in order:
            times[name].append(runners[name].run(steps))
    rows = []
    for name, found in times.items():
        low, median, high = statistics.quantiles(found, n=4)
        rows.append({"name": name, "median_ms": median, "low_ms": low, "high_ms": high, "rounds": rounds})
    for row in rows:
        row["speedup_over_optax"] = rows[-1]["median_ms"] / row["median_ms"]
    return rows


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--steps", type=int, default=20, help="for each contender in a round")
    arguments = parser.parse_args()
    count = sum(int(np.prod(shape)) for shape in shapes())
    print(f"lookahead(adam), {len(shapes())} tensors, {count:,} parameters, float32, jax {jax.__version__}")
    for row in measure(arguments.rounds, arguments.steps):
        print(
            f"{row['name']:12} {row['median_ms']:8.2f} ms a step (middle half {row['low_ms']:.2f} to "
            f"{row['high_ms']:.2f}, {row['rounds']} rounds)  {row['speedup_over_optax']:.2f}x"
        )


if __name__ == "__main__":
    main()
