"""Parameters and gradients of all kinds: layouts, types, sizes, replaced memory."""

import pytest
import torch
from helpers import assert_same, network, parameters, set_gradients, take_steps, train, trained
from optplug.torch import SGD, Adam, Lookahead, Optimizer


def layouts() -> dict[str, torch.Tensor]:
    numbers = torch.arange(1.0, 4 * 6 * 8 * 2 + 1)
    return {
        "row major": numbers[:48].view(6, 8).clone(),
        "transposed": numbers[:48].view(6, 8).clone().t(),
        "slice of columns": numbers[:96].view(6, 16).clone()[:, 4:12],
        "every other": numbers[:96].clone()[::2],
        "channels last": numbers[:192].view(4, 6, 2, 4).clone().to(memory_format=torch.channels_last),
        "an offset": numbers[:49].clone()[1:],
        "single": torch.tensor(3.0),
        "one element": torch.tensor([[3.0]]),
        "empty": torch.zeros(0, 5),
        "odd strides of size 1": numbers[:64].clone().as_strided((8, 1), (8, 5)),
    }


@pytest.mark.parametrize("kind", ["sgd", "adam", "lookahead", "adafactor"])
@pytest.mark.parametrize("name", layouts())
def test_the_layout_of_a_parameter_does_not_matter(kind, name):
    def make(tensor):
        p = torch.nn.Parameter(tensor)
        return p, {
            "sgd": lambda: SGD([p], momentum=0.9), "adam": lambda: Adam([p]),
            "lookahead": lambda: Lookahead("AdamW", [p], k=2), "adafactor": lambda: Optimizer([p], "adafactor"),
        }[kind]()  # fmt: skip

    strange, one = make(layouts()[name])
    plain, other = make(layouts()[name].contiguous().clone())
    strides = strange.stride()
    for number in range(3):
        set_gradients([strange, plain], number)
        plain.grad = strange.grad.clone()
        one.step()
        other.step()
    assert_same([strange], [plain])
    assert strange.stride() == strides
    for a, b in zip(one.state[strange].values(), other.state[plain].values()):
        assert a.shape == b.shape and torch.equal(a, b)


def test_memory_around_a_slice_is_untouched():
    memory = torch.arange(96.0).view(6, 16)
    p = memory[:, 4:12].requires_grad_()
    p.grad = torch.ones(6, 8)
    Adam([p], lr=0.5).step()
    expected = torch.arange(96.0).view(6, 16)
    assert torch.equal(memory[:, :4], expected[:, :4]) and torch.equal(memory[:, 12:], expected[:, 12:])
    torch.testing.assert_close(memory[:, 4:12], expected[:, 4:12] - 0.5)


GRADIENTS = {
    "expanded": lambda p: torch.tensor(2.0).expand_as(p),
    "expanded row": lambda p: torch.arange(8.0).expand_as(p),
    "transposed": lambda p: torch.arange(128.0).view(8, 16).t(),
    "a slice": lambda p: torch.arange(512.0).view(16, 32)[:, 3:19:2],
    "flipped": lambda p: torch.arange(128.0).view(16, 8).flip(0),
    "negative": lambda p: (
        torch.view_as_real(torch.arange(128.0).view(16, 8) * (1 + 2j)).clone().select(-1, 1)
    ),
    "negated": lambda p: (torch.arange(128.0).view(16, 8) * (1 + 2j)).conj().imag,
    "with a graph": lambda p: torch.arange(128.0).view(16, 8).requires_grad_() * 2,
    "a parameter": lambda p: torch.nn.Parameter(torch.arange(128.0).view(16, 8)),
}


@pytest.mark.parametrize(
    "kind", [SGD, Adam, lambda p: Optimizer(p, "muon(adam)")], ids=["sgd", "adam", "muon"]
)
@pytest.mark.parametrize("name", GRADIENTS)
def test_the_layout_of_a_gradient_does_not_matter(kind, name):
    (strange,), (plain,) = parameters([(16, 8)]), parameters([(16, 8)])
    one, other = kind([strange]), kind([plain])
    for _ in range(2):
        strange.grad = GRADIENTS[name](strange)
        plain.grad = strange.grad.detach().clone().contiguous().resolve_neg()
        one.step()
        other.step()
    assert_same([strange], [plain])


def test_a_sparse_gradient_is_made_dense_or_refused_as_by_torch():
    (p,), (q,) = parameters([(16, 8)]), parameters([(16, 8)])
    p.grad = torch.sparse_coo_tensor([[1, 1, 4]], torch.ones(3, 8), (16, 8))
    q.grad = p.grad.to_dense()
    SGD([p], lr=0.5).step()
    SGD([q], lr=0.5).step()
    assert_same([p], [q])
    with pytest.raises(
        RuntimeError, match="Adam does not support sparse gradients, please consider SparseAdam"
    ):
        Adam([p]).step()
    with pytest.raises(
        RuntimeError, match="Adam does not support sparse gradients, please consider SparseAdam"
    ):
        Lookahead("Adam", [p]).step()
    assert_same([p], [q])


def test_embeddings_with_sparse_gradients():
    one, other = torch.nn.Embedding(16, 8, sparse=True), torch.nn.Embedding(16, 8)
    other.load_state_dict(one.state_dict())
    for embedding in (one, other):
        optimizer = Optimizer(embedding.parameters(), "adam(lr=0.1)")
        for _ in range(3):
            optimizer.zero_grad()
            embedding(torch.tensor([1, 3, 3])).pow(2).sum().backward()
            optimizer.step()
    assert_same(one.parameters(), other.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(
    "expression", ["sgd(momentum=0.9, lr=0.1)", "adam(lr=0.01)", "lookahead(k=2, adamw)", "muon(adam)"]
)
def test_sixteen_bits_are_rounded_from_a_master(expression, dtype):
    short, long = (
        parameters(dtype=dtype),
        [torch.nn.Parameter(p.detach().float()) for p in parameters(dtype=dtype)],
    )
    one, other = Optimizer(short, expression), Optimizer(long, expression)
    for number in range(4):
        set_gradients(short, number)
        for a, b in zip(short, long):
            b.grad = a.grad.float()
        one.step()
        other.step()
        assert_same(short, [p.detach().to(dtype) for p in long])
        assert_same([one.state[p]["master"] for p in short], [p.detach() for p in long])


def test_sixteen_bits_written_by_hand_count():
    (p,), (q,) = parameters([(16, 8)], torch.bfloat16), parameters([(16, 8)], torch.bfloat16)
    one, other = Adam([p], lr=0.01), Adam([q], lr=0.01)
    take_steps(one, 0, 2)
    take_steps(other, 0, 2)
    with torch.no_grad():
        p.fill_(2.0)
        q.fill_(2.0)
    other.state[q]["master"].fill_(2.0)
    take_steps(one, 2, 2)
    take_steps(other, 2, 2)
    assert_same([p], [q])
    assert (p - 2).abs().max() < 0.1


def test_different_types_in_one_optimizer():
    def mixed():
        return [
            parameters([(8, 8)], t)[0]
            for t in (torch.float32, torch.float64, torch.bfloat16, torch.complex64)
        ]

    together, alone = Adam(mixed()), [Adam([p]) for p in mixed()]
    take_steps(together)
    for optimizer in alone:
        optimizer_parameters = trained(optimizer)
        for number in range(3):
            set_gradients(mixed_like := trained(together), number)
            optimizer_parameters[0].grad = next(
                p.grad for p in mixed_like if p.dtype == optimizer_parameters[0].dtype
            )
            optimizer.step()
    assert_same(trained(together), [trained(o)[0] for o in alone])


def test_a_gradient_of_another_type():
    (p,) = parameters([(8, 8)], torch.float32)
    try:
        p.grad_dtype = None
        p.grad = torch.ones(8, 8, dtype=torch.float64)
    except (AttributeError, RuntimeError):
        pytest.skip("this torch has no gradients of another type")
    before = p.detach().clone()
    SGD([p], lr=0.5).step()
    torch.testing.assert_close(p.detach(), before - 0.5)


@pytest.mark.parametrize(
    "kind", [SGD, Adam, lambda p: Lookahead("Adam", p, k=2)], ids=["sgd", "adam", "lookahead"]
)
def test_data_replaced_between_steps(kind):
    ours, expected = kind(parameters()), kind(parameters())
    take_steps(ours, 0, 2)
    for p in trained(ours):
        p.data = p.data.clone()
    take_steps(ours, 2, 2)
    take_steps(expected, 0, 4)
    assert_same(trained(ours), trained(expected))


def test_a_model_shared_between_processes():
    model, twin = network(), network()
    ours, expected = Adam(model.parameters()), Adam(twin.parameters())
    train(model, ours, 0, 2)
    model.share_memory()
    train(model, ours, 2, 2)
    train(twin, expected, 0, 4)
    assert_same(model.parameters(), twin.parameters())
    assert all(p.is_shared() for p in model.parameters())


@pytest.mark.parametrize("kind", [lambda p: SGD(p, momentum=0.9), Adam], ids=["sgd", "adam"])
def test_a_model_made_double_in_the_middle(kind):
    model = network()
    ours = kind(model.parameters())
    train(model, ours, 0, 2)
    model.double()
    twin = kind([p.detach().clone().requires_grad_() for p in model.parameters()])
    for p, q in zip(trained(twin), model.parameters()):
        twin.state[p] = {k: v.clone() for k, v in ours.state[q].items()}
    for number in (0, 1):
        set_gradients(model.parameters(), number)
        set_gradients(trained(twin), number)
        ours.step()
        twin.step()
    assert_same(model.parameters(), trained(twin))
    assert model[0].weight.dtype == torch.float64


def test_a_model_made_channels_last_in_the_middle():
    def convolution():
        with torch.random.fork_rng():
            torch.manual_seed(1)
            return torch.nn.Conv2d(8, 8, 3)

    model, twin = convolution(), convolution()
    ours, expected = Adam(model.parameters()), Adam(twin.parameters())
    for number in range(4):
        if number == 2:
            model.to(memory_format=torch.channels_last)
        for m, o in ((model, ours), (twin, expected)):
            set_gradients(m.parameters(), number)
            o.step()
    assert_same(model.parameters(), twin.parameters())
    assert model.weight.is_contiguous(memory_format=torch.channels_last)


def test_a_parameter_cut_down_in_place():
    (p,) = parameters([(16, 8)])
    ours = Adam([p])
    take_steps(ours, 0, 2)
    memory = p.data
    p.data = p.data[:8]
    p.grad = torch.ones(8, 8)
    kept = memory.clone()
    with pytest.raises(ValueError, match="shape"):
        ours.step()
    assert torch.equal(memory, kept)
    ours.state.clear()
    ours.step()
    assert torch.equal(memory[8:], kept[8:]) and not torch.equal(memory[:8], kept[:8])


def test_a_parameter_transposed_in_place():
    (p,), (q,) = parameters([(8, 8)]), parameters([(8, 8)])
    ours, expected = SGD([p], lr=0.1), SGD([q], lr=0.1)
    take_steps(ours, 0, 1)
    take_steps(expected, 0, 1)
    p.data = p.data.t()
    set_gradients([q], 1)
    p.grad = q.grad.t().contiguous()
    ours.step()
    expected.step()
    assert_same([p.detach().t()], [q.detach()])


def test_parameters_that_cannot_be_trained_are_refused():
    expanded = torch.zeros(1).expand(5).requires_grad_()
    expanded.grad = torch.ones(5)
    before = expanded.detach().clone()
    with pytest.raises(RuntimeError):
        SGD([expanded]).step()
    assert torch.equal(expanded, before)
    meta = torch.nn.Parameter(torch.zeros(3, device="meta"))
    meta.grad = torch.zeros(3, device="meta")
    with pytest.raises(ValueError, match="meta"):
        Optimizer([meta], "sgd").step()
    SGD([meta]).step()  # torch's own
    eighth = torch.zeros(8).to(torch.float8_e4m3fn).requires_grad_()
    eighth.grad = torch.zeros(8).to(torch.float8_e4m3fn)
    with pytest.raises(ValueError, match="float8_e4m3fn; only float16, bfloat16"):
        SGD([eighth]).step()


def test_a_conjugated_parameter_is_trained_or_refused():
    p = torch.randn(8, dtype=torch.complex64).conj().requires_grad_()
    before = p.detach().clone()
    p.grad = torch.ones(8, dtype=torch.complex64)
    try:
        SGD([p], lr=0.5).step()
    except ValueError:
        return
    torch.testing.assert_close(p.detach(), before - 0.5)


def test_a_parameter_that_is_there_twice():
    (p,) = parameters([(8,)])
    with pytest.warns(UserWarning, match="duplicate parameters"):
        ours = Adam([p, p])
    with pytest.raises(ValueError, match="twice"):
        take_steps(ours)


def test_lazy_modules():
    model = torch.nn.Sequential(torch.nn.LazyLinear(16), torch.nn.Tanh(), torch.nn.LazyLinear(8))
    losses = train(model, Adam(model.parameters(), lr=0.01), count=1) + train(
        model, SGD(model.parameters(), lr=0.1)
    )
    assert len(losses) == 4 and all(p.grad is not None for p in model.parameters())
