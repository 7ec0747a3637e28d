"""What goes wrong in optplug.jax says so, where it is noticed first."""

from __future__ import annotations

import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("optax")

import jax.numpy as jnp  # noqa: E402
import optplug  # noqa: E402
import optplug.jax  # noqa: E402
from optplug.jax import _native  # noqa: E402

OPTIMIZER = optplug.jax.transformation("adam")


def test_names():
    with pytest.raises(optplug.OptPlugError, match="adamm"):
        optplug.jax.transformation("adamm")
    with pytest.raises(optplug.OptPlugError, match="speed"):
        optplug.jax.transformation("adam", speed=3)


def test_reevaluation():
    with pytest.raises(ValueError, match="evaluates the loss again"):
        optplug.jax.transformation("sam(sgd)")


def test_types():
    with pytest.raises(TypeError, match="parameter 'n' is int32"):
        OPTIMIZER.init({"n": jnp.arange(3)})
    params = {"w": jnp.ones(3)}
    state = OPTIMIZER.init(params)
    with pytest.raises(TypeError, match="gradient of 'w' is bfloat16"):
        OPTIMIZER.step(params, {"w": jnp.ones(3, jnp.bfloat16)}, state)
    with pytest.raises(ValueError, match="shape \\(4,\\)"):
        OPTIMIZER.step(params, {"w": jnp.ones(4)}, state)


def test_trees():
    params = {"w": jnp.ones(3)}
    state = OPTIMIZER.init(params)
    with pytest.raises(ValueError, match="gradients' tree differs"):
        OPTIMIZER.step(params, {"v": jnp.ones(3)}, state)
    with pytest.raises(ValueError, match="init for these parameters"):
        OPTIMIZER.step({"v": jnp.ones(3)}, {"v": jnp.ones(3)}, state)
    with pytest.raises(ValueError, match=r"slots\['exp_avg'\] of 'w' is float32\[3\], not float32\[4\]"):
        OPTIMIZER.step({"w": jnp.ones(4)}, {"w": jnp.ones(4)}, state)
    with pytest.raises(ValueError, match=r"has no slots\['exp_avg'\]"):
        OPTIMIZER.step(params, params, optplug.jax.transformation("sgd").init(params))
    with pytest.raises(ValueError, match="make it with init"):
        OPTIMIZER.step(params, params, ())
    with pytest.raises(ValueError, match="hand the parameters"):
        OPTIMIZER.update(params, state)


def test_values():
    params = {"w": jnp.ones(3)}
    optimizer = optplug.jax.transformation("adam", lr=lambda step: -1.0)
    with pytest.raises(Exception, match="'?lr'?"):
        jax.block_until_ready(optimizer.step(params, params, optimizer.init(params)))
    assert (params["w"] == 1).all()
    optimizer = optplug.jax.transformation("adam", lr=jnp.ones(2))
    with pytest.raises(ValueError, match="must be one number"):
        optimizer.step(params, params, optimizer.init(params))


def test_derivative():
    params = {"w": jnp.ones(3)}
    state = OPTIMIZER.init(params)
    with pytest.raises(TypeError, match="no derivative"):
        jax.grad(lambda p: OPTIMIZER.step(p, params, state)[0]["w"].sum())(params)


def test_closed():
    params = {"w": jnp.ones(11)}
    state = OPTIMIZER.init(params)
    step = jax.jit(OPTIMIZER.step).lower(params, params, state).compile()
    step(params, params, state)
    optplug.jax.clear_caches()
    with pytest.raises(Exception, match="compiled program is closed"):
        jax.block_until_ready(step(params, params, state))


def test_other_devices():
    refuse = _native._functions()[_native._REFUSE]
    jax.ffi.register_ffi_target("optplug_test_refuse", jax.ffi.pycapsule(refuse), platform="cpu")
    call = jax.ffi.ffi_call("optplug_test_refuse", jax.ShapeDtypeStruct((), jnp.float32))
    with pytest.raises(Exception, match="run on the CPU"):
        jax.block_until_ready(call(jnp.float32(1)))
