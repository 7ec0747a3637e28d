"""optplug.jax against optax, PyTorch and the host library itself."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

jax = pytest.importorskip("jax")
optax = pytest.importorskip("optax")

import jax.numpy as jnp  # noqa: E402
import optplug.jax  # noqa: E402
from optplug import _host  # noqa: E402
from optplug._host import Host, TensorPlace  # noqa: E402
from optplug._library import USES_PROGRAMS  # noqa: E402

LOOKAHEAD = "lookahead(k=5, adam(lr=1e-2))"


def tree(seed: int, dtype: str = "float32") -> dict:
    """Parameters or gradients: nested, with a scalar and an empty one among them."""
    random = np.random.default_rng(seed)

    def array(*shape: int):
        return jnp.asarray(random.standard_normal(shape), dtype)

    return {
        "layers": [{"w": array(33, 7), "b": array(7)}, {"w": array(7, 5)}],
        "scale": array(),
        "none": array(0, 3),
    }


def same(one, other) -> bool:
    """Whether two trees hold the same bits."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs)


def close(one, other, tolerance: float = 2e-6) -> bool:
    """Whether two trees hold nearly the same numbers."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.allclose(a, b, rtol=tolerance, atol=tolerance) for a, b in pairs)


def train(transformation, params, steps: int, jit: bool = True):
    """Parameters and state after so many steps as optax takes them."""
    state = transformation.init(params)
    update = jax.jit(transformation.update) if jit else transformation.update
    for i in range(steps):
        updates, state = update(tree(i + 1, jax.tree.leaves(params)[0].dtype), state, params)
        params = optax.apply_updates(params, updates)
    return params, state


def train_in_place(transformation, params, steps: int, jit: bool = True):
    """Parameters and state after so many steps of optplug.jax's own."""
    state = transformation.init(params)
    step = jax.jit(transformation.step, donate_argnums=(0, 2)) if jit else transformation.step
    params = jax.tree.map(jnp.copy, params)
    for i in range(steps):
        params, state = step(params, tree(i + 1, jax.tree.leaves(params)[0].dtype), state)
    return params, state


def train_natively(expression: str, params, steps: int):
    """Parameters after so many steps of the host library, called without XLA."""
    leaves, treedef = jax.tree.flatten(params)
    arrays = [np.array(leaf) for leaf in leaves]
    places = [TensorPlace(f"p{i}", a.ctypes.data, a.shape, a.dtype.name, 0) for i, a in enumerate(arrays)]
    host = Host(expression, places, threads=2)
    for i in range(steps):
        grads = [np.array(leaf) for leaf in jax.tree.leaves(tree(i + 1, arrays[0].dtype))]
        addresses = np.array([grad.ctypes.data for grad in grads], np.uint64)
        host.step(addresses.ctypes.data)
    return jax.tree.unflatten(treedef, arrays)


@pytest.mark.parametrize(
    ("expression", "theirs"),
    [
        ("sgd(lr=0.1)", lambda: optax.sgd(0.1)),
        ("sgd(lr=0.1, momentum=0.9)", lambda: optax.sgd(0.1, momentum=0.9)),
        ("adam(lr=1e-2)", lambda: optax.adam(1e-2)),
        ("adamw(lr=1e-2, weight_decay=0.1)", lambda: optax.adamw(1e-2, weight_decay=0.1)),
    ],
)
def test_agrees_with_optax(expression, theirs):
    ours, _ = train(optplug.jax.transformation(expression), tree(0), 10)
    expected, _ = train(theirs(), tree(0), 10)
    assert close(ours, expected)


def test_lookahead_agrees_with_optax():
    optimizer = optax.lookahead(optax.adam(1e-2), 5, 0.5)
    params = optax.LookaheadParams.init_synced(tree(0))
    state = optimizer.init(params)
    for i in range(12):
        updates, state = optimizer.update(tree(i + 1), state, params)
        params = optax.apply_updates(params, updates)
    ours, state = train(optplug.jax.transformation("lookahead(k=5, alpha=0.5, adam(lr=1e-2))"), tree(0), 12)
    assert close(ours, params.fast)
    assert close(state.slots["slow"], params.slow)


def test_agrees_with_torch_bit_for_bit():
    torch = pytest.importorskip("torch")
    leaves, treedef = jax.tree.flatten(tree(0))
    theirs = [torch.nn.Parameter(torch.tensor(np.array(leaf))) for leaf in leaves]
    optimizer = torch.optim.Adam(theirs, lr=1e-2, fused=True)
    for i in range(10):
        for parameter, grad in zip(theirs, jax.tree.leaves(tree(i + 1)), strict=True):
            parameter.grad = torch.tensor(np.array(grad))
        optimizer.step()
    ours, _ = train_in_place(optplug.jax.transformation("adam(lr=1e-2)"), tree(0), 10)
    assert same(ours, jax.tree.unflatten(treedef, [parameter.detach().numpy() for parameter in theirs]))


@pytest.mark.parametrize(
    "expression", [LOOKAHEAD, "sgd(lr=0.1, momentum=0.9)", "adam8bit", "adafactor", "muon(adam)", "ema(lamb)"]
)
def test_jit_is_the_eager_path_and_the_host_library(expression):
    optimizer = optplug.jax.transformation(expression)
    compiled, state = train_in_place(optimizer, tree(0), 20)
    eager, eager_state = train_in_place(optimizer, tree(0), 20, jit=False)
    assert same(compiled, eager)
    assert same(state, eager_state)
    assert same(compiled, train_natively(expression, tree(0), 20))
    assert int(state.step) == 20
    assert {int(count) for count in state.counters["step"]} == {20}


@pytest.mark.parametrize("expression", ["adamw", "lookahead(k=2, adam)"])
def test_compiled_programs_give_the_same_bits(expression, monkeypatch):
    opened: list[Host] = []

    def host(*arguments, **options):
        opened.append(Host(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr("optplug.jax._native.Host", host)
    optplug.jax.clear_caches()
    plain, programs = (optplug.jax.transformation(expression, jit=jit) for jit in (False, True))
    params = tree(0)
    programs.init(params)
    assert opened and all(host.flags & USES_PROGRAMS for host in opened)
    assert same(train_in_place(programs, params, 5), train_in_place(plain, params, 5))
    assert same(train(programs, params, 3), train(plain, params, 3))


def test_an_optimizer_without_programs_says_so():
    _host._told.clear()
    with pytest.warns(RuntimeWarning, match="jit: .*'lamb' has no formula"):
        transformation = optplug.jax.transformation("lamb", jit=True)
    assert same(train(transformation, tree(0), 2), train(optplug.jax.transformation("lamb"), tree(0), 2))


def test_updates_lead_where_the_step_leads():
    optimizer = optplug.jax.transformation(LOOKAHEAD)
    with_updates, _ = train(optimizer, tree(0), 20)
    in_place, _ = train_in_place(optimizer, tree(0), 20)
    assert close(with_updates, in_place)
    eager, _ = train(optimizer, tree(0), 20, jit=False)
    assert same(with_updates, eager)


def test_donated_buffers_are_updated_in_place():
    optimizer = optplug.jax.transformation(LOOKAHEAD)
    params = {"w": jnp.ones((64, 64)), "b": jnp.ones(64)}
    grads = jax.tree.map(jnp.ones_like, params)
    state = optimizer.init(params)
    before = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves((params, state))]
    step = jax.jit(optimizer.step, donate_argnums=(0, 2))
    for _ in range(3):
        params, state = step(params, grads, state)
    assert before == [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves((params, state))]


def test_a_step_is_pure():
    optimizer = optplug.jax.transformation(LOOKAHEAD)
    params, state = train_in_place(optimizer, tree(0), 4)
    step = jax.jit(optimizer.step)
    copies = jax.tree.map(np.array, (params, state))
    first = step(params, tree(9), state)
    train_in_place(optimizer, tree(3), 7)
    assert same(first, step(params, tree(9), state))
    assert same(copies, (params, state))


def test_steps_in_a_loop_and_init_inside_jit():
    optimizer = optplug.jax.transformation(LOOKAHEAD)
    grads = tree(1)

    @jax.jit
    def run(params):
        def body(_, carried):
            return optimizer.step(carried[0], grads, carried[1])

        return jax.lax.fori_loop(0, 12, body, (params, optimizer.init(params)))

    params, state = tree(0), optimizer.init(tree(0))
    for _ in range(12):
        params, state = optimizer.step(params, grads, state)
    assert same(run(tree(0)), (params, state))
    shapes = jax.eval_shape(optimizer.init, tree(0))
    assert jax.tree.structure(shapes) == jax.tree.structure(state)


def test_chain_clips_before():
    ours, _ = train(
        optax.chain(optax.clip_by_global_norm(0.5), optplug.jax.transformation("sgd(lr=0.1)")), tree(0), 5
    )
    theirs, _ = train(optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.1)), tree(0), 5)
    assert close(ours, theirs)


def test_schedules():
    schedule = optax.cosine_decay_schedule(0.1, 10)
    ours, _ = train(optplug.jax.transformation("sgd(momentum=0.9)", lr=schedule), tree(0), 8)
    theirs, _ = train(optax.sgd(schedule, momentum=0.9), tree(0), 8)
    assert close(ours, theirs)


def test_hyperparameters_as_numbers_by_path_and_as_arrays():
    named = optplug.jax.transformation("lookahead(adam)", lr=1e-2, k=3)
    by_path = optplug.jax.transformation("lookahead(adam(lr=5))", **{"base.lr": 1e-2, "k": 3})
    assert same(train_in_place(named, tree(0), 7)[0], train_in_place(by_path, tree(0), 7)[0])

    @jax.jit
    def step(params, grads, state, lr):
        return optplug.jax.transformation("sgd", lr=lr).step(params, grads, state)

    state = optplug.jax.transformation("sgd", lr=jnp.float32(0)).init(tree(0))
    slow, state = step(tree(0), tree(1), state, jnp.float32(0.125))
    expected, _ = train_in_place(optplug.jax.transformation("sgd(lr=0.125)"), tree(0), 1)
    assert same(slow, expected)


def test_injected_hyperparameters():
    factory = optax.inject_hyperparams(lambda lr: optplug.jax.transformation("adam", lr=lr))
    optimizer = factory(lr=optax.linear_schedule(1e-2, 1e-3, 5))
    ours, state = train(optimizer, tree(0), 5)
    theirs, _ = train(optax.adam(optax.linear_schedule(1e-2, 1e-3, 5)), tree(0), 5)
    assert close(ours, theirs)
    assert float(state.hyperparams["lr"]) == pytest.approx(1e-2 - 4 / 5 * 9e-3)


def test_masked_parts_have_optimizers_of_their_own():
    labels = {"layers": [{"w": "matrix", "b": "rest"}, {"w": "matrix"}], "scale": "rest", "none": "rest"}

    def parts(sgd, adam):
        return optax.multi_transform({"matrix": sgd, "rest": adam}, labels)

    ours, _ = train(parts(*map(optplug.jax.transformation, ("sgd(lr=0.1)", "adam(lr=1e-2)"))), tree(0), 5)
    theirs, _ = train(parts(optax.sgd(0.1), optax.adam(1e-2)), tree(0), 5)
    assert close(ours, theirs)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_halves_have_masters_in_the_state(dtype):
    optimizer = optplug.jax.transformation(LOOKAHEAD)
    params, state = train_in_place(optimizer, tree(0, dtype), 12)
    assert same(params, train_natively(LOOKAHEAD, tree(0, dtype), 12))
    masters = state.slots["master"]
    assert {leaf.dtype for leaf in jax.tree.leaves(masters)} == {jnp.dtype("float32")}
    assert same(params, jax.tree.map(lambda master: master.astype(dtype), masters))
    updated, _ = train(optimizer, tree(0, dtype), 12)
    assert close(jax.tree.map(jnp.float32, updated), jax.tree.map(jnp.float32, params), 2e-2)


@pytest.fixture
def x64():
    """Numbers of 64 bits."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def test_float64(x64):
    params, state = train_in_place(optplug.jax.transformation(LOOKAHEAD), tree(0, "float64"), 12)
    assert same(params, train_natively(LOOKAHEAD, tree(0, "float64"), 12))
    assert state.slots["slow"]["scale"].dtype == jnp.float64
    theirs, _ = train(optax.adam(1e-2), tree(0, "float64"), 12)
    ours, _ = train(optplug.jax.transformation("adam", lr=lambda step: 1e-2), tree(0, "float64"), 12)
    assert close(ours, theirs, 1e-12)


def test_state_survives_numpy():
    optimizer = optplug.jax.transformation(LOOKAHEAD)
    params, state = train_in_place(optimizer, tree(0), 7)
    leaves, structure = jax.tree.flatten((params, state))
    saved = [np.array(leaf) for leaf in leaves]
    optplug.jax.clear_caches()
    again, restored = jax.tree.unflatten(structure, saved)
    other = optplug.jax.transformation(LOOKAHEAD)
    assert same(other.step(again, tree(30), restored), other.step(params, tree(30), state))


def test_denormal_numbers_stay():
    params = {"w": jnp.asarray(np.full(9, 1e-40, np.float32))}
    optimizer = optplug.jax.transformation("sgd(lr=0.5)")
    stepped, _ = jax.jit(optimizer.step)(params, {"w": jnp.zeros(9)}, optimizer.init(params))
    assert same(stepped, params)


def test_no_parameters_at_all():
    optimizer = optplug.jax.transformation(LOOKAHEAD)
    params, state = jax.jit(optimizer.step)({}, {}, optimizer.init({}))
    assert params == {} and int(state.step) == 1


def test_names_that_the_library_refuses():
    params = {"linear/~/w": jnp.ones(3), "optimizer": jnp.ones(2), "linear.~.w": jnp.ones(1)}
    optimizer = optplug.jax.transformation("adam")
    stepped, _ = optimizer.step(params, params, optimizer.init(params))
    assert jax.tree.structure(stepped) == jax.tree.structure(params)
    single, _ = optimizer.step(jnp.ones(3), jnp.ones(3), optimizer.init(jnp.ones(3)))
    assert single.shape == (3,)


def test_threads_share_a_program():
    optimizer = optplug.jax.transformation(LOOKAHEAD)
    step = jax.jit(optimizer.step)
    expected = [train_in_place(optimizer, tree(seed), 10) for seed in range(4)]
    found: list = [None] * 4

    def work(seed: int) -> None:
        params, state = tree(seed), optimizer.init(tree(seed))
        for i in range(10):
            params, state = step(params, tree(i + 1), state)
        found[seed] = (params, state)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same(found, expected)


def test_vmap_takes_one_after_another():
    optimizer = optplug.jax.transformation(LOOKAHEAD)

    def run(params, grads):
        return optimizer.step(params, grads, optimizer.init(params))[0]

    params, grads = (
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(tree, seeds)) for seeds in ((0, 1), (2, 3))
    )
    stepped = jax.jit(jax.vmap(run))(params, grads)
    for i in range(2):
        assert same(jax.tree.map(lambda leaf, i=i: leaf[i], stepped), run(tree(i), tree(2 + i)))


def test_programs_from_the_persistent_cache(tmp_path):
    program = """
import jax, jax.numpy as jnp, optplug.jax
optimizer = optplug.jax.transformation("lookahead(k=2, adam)")
params = {"w": jnp.ones(1000)}
step = jax.jit(optimizer.step)
state = optimizer.init(params)
for _ in range(3):
    params, state = step(params, params, state)
print(params["w"][0])
"""
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    printed = [
        subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert any(tmp_path.iterdir())
    assert printed[0].stdout == printed[1].stdout != ""
