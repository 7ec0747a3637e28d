"""OptPlug's optimizers in JAX, on the CPU.

>>> import optplug.jax
>>> schedule = optax.cosine_decay_schedule(1e-3, 10_000)
>>> optimizer = optplug.jax.transformation("lookahead(k=5, adam)", lr=schedule)

As a transformation of optax, in ``optax.chain`` and with ``optax.apply_updates``:

>>> state = optimizer.init(params)
>>> updates, state = optimizer.update(grads, state, params)

In place, without a copy of parameters or state, where their buffers are donated:

>>> step = jax.jit(optimizer.step, donate_argnums=(0, 2))
>>> params, state = step(params, grads, state)
"""

try:
    import jax  # noqa: F401
except ImportError as error:
    raise ImportError("optplug.jax needs JAX: pip install 'jax>=0.6'") from error

from optplug.jax._native import clear_caches
from optplug.jax._state import State
from optplug.jax._transform import Transformation, transformation

__all__ = ["State", "Transformation", "clear_caches", "transformation"]
