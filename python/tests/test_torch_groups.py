"""Parameter groups: live, as torch has them, and changeable at any time."""

import pytest
import torch
from helpers import SHAPES, assert_same, parameters, set_gradients, take_steps, trained
from optplug import OptPlugError
from optplug.torch import SGD, Adam, AdamW, Lookahead, Optimizer


@pytest.mark.parametrize(
    "expression", ["adam", "lookahead(k=3, adam)", "ema(sgd(momentum=0.9))", "adafactor", "lamb"]
)
def test_a_group_added_in_the_middle_disturbs_nothing(expression):
    ours, expected = Optimizer(parameters(), expression), Optimizer(parameters(), expression)
    take_steps(ours, 0, 2)
    take_steps(expected, 0, 2)
    late = parameters([(8, 8)], seed=5)
    ours.add_param_group({"params": late, "lr": 0.5})
    for number in range(2, 6):
        set_gradients(trained(expected), number)
        for p, q in zip(trained(ours), trained(expected)):
            p.grad = q.grad.clone()
        late[0].grad = torch.ones(8, 8)
        ours.step()
        expected.step()
    assert_same(trained(ours)[:3], trained(expected))
    assert int(ours.state[late[0]]["step"]) == 4


def test_a_group_added_in_the_middle_as_in_torch():
    def run(kind, **options):
        optimizer = kind(parameters(), lr=0.1, **options)
        take_steps(optimizer, 0, 2)
        optimizer.add_param_group({"params": parameters([(8, 8)], seed=5), "lr": 0.5, "amsgrad": True})
        take_steps(optimizer, 2, 3)
        return trained(optimizer)

    assert_same(run(Adam), run(torch.optim.Adam, fused=True))


CHANGES = [
    (SGD, torch.optim.SGD, {}, {"momentum": 0.9}),
    (SGD, torch.optim.SGD, {"momentum": 0.9}, {"momentum": 0.0}),
    (SGD, torch.optim.SGD, {"momentum": 0.9}, {"nesterov": True}),
    (SGD, torch.optim.SGD, {"momentum": 0.9}, {"dampening": 0.5, "weight_decay": 0.1, "maximize": True}),
    (Adam, torch.optim.Adam, {}, {"betas": (0.5, 0.6), "eps": 1e-4, "weight_decay": 0.1, "lr": 0.3}),
    (AdamW, torch.optim.AdamW, {"amsgrad": True}, {"amsgrad": False}),
]


@pytest.mark.parametrize("our_class,their_class,options,change", CHANGES, ids=str)
def test_settings_changed_between_steps(our_class, their_class, options, change):
    def run(kind, **more):
        optimizer = kind(parameters(), lr=0.1, **options, **more)
        take_steps(optimizer, 0, 2)
        optimizer.param_groups[0].update(change)
        take_steps(optimizer, 2, 2)
        optimizer.param_groups[0].update({k: v for k, v in optimizer.defaults.items() if k in change})
        take_steps(optimizer, 4, 2)
        return trained(optimizer)

    assert_same(run(our_class), run(their_class, **({"fused": True} if our_class is not SGD else {})))


def test_amsgrad_switched_on_in_the_middle():
    # torch fails with a KeyError here; ours begins with the squares at zero.
    ours = Adam(parameters())
    take_steps(ours, 0, 2)
    ours.param_groups[0]["amsgrad"] = True
    take_steps(ours, 2, 1)
    entry = ours.state[trained(ours)[0]]
    assert int(entry["step"]) == 3 and entry["max_exp_avg_sq"].max() > 0


def test_settings_of_single_groups_in_a_tree():
    first, second = parameters([(8, 8), (8, 8)])
    ours = Optimizer(
        [{"params": [first], "lr": 0.5, "betas": (0.1, 0.2)}, {"params": [second], "base.lr": 0.25}],
        "lookahead(k=2, adam)", lr=0.125,
    )  # fmt: skip
    assert [g["lr"] for g in ours.param_groups] == [0.5, 0.25]
    assert (ours.param_groups[0]["beta1"], ours.param_groups[0]["beta2"]) == (0.1, 0.2)
    assert ours.param_groups[1]["beta1"] == 0.9 and "betas" not in ours.param_groups[0]


def test_removing_a_group_and_its_parameters():
    def run(kind, **options):
        first, second, third = parameters(SHAPES)
        optimizer = kind([{"params": [first, second]}, {"params": [third]}], **options)
        take_steps(optimizer, 0, 2)
        del optimizer.param_groups[1]
        optimizer.param_groups[0]["params"].pop(0)
        take_steps(optimizer, 2, 2)
        return [first, second, third]

    assert_same(run(Adam), run(torch.optim.Adam, fused=True))


def test_named_parameters():
    model = torch.nn.Linear(8, 8)
    ours = Optimizer(model.named_parameters(), "adam")
    assert ours.param_groups[0]["param_names"] == ["weight", "bias"]
    model(torch.ones(8)).sum().backward()
    ours.step()
    saved = ours.state_dict()
    assert saved["param_groups"][0]["param_names"] == ["weight", "bias"]
    fresh = Optimizer(torch.nn.Linear(8, 8).named_parameters(), "adam")
    fresh.load_state_dict(saved)
    with pytest.raises(ValueError, match="cannot add param group without names"):
        ours.add_param_group({"params": parameters([(8,)])})
    for names in (["a/b", "optimizer"], ["x", "x"], ["ä", ""]):
        odd = Optimizer(list(zip(names, parameters([(8,), (8,)]))), "adam")
        take_steps(odd)


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, lambda p, **o: Lookahead("Adam", p, **o)], ids=str)
def test_groups_are_refused_in_torchs_words(kind):
    wrong = [
        lambda k: k(parameters([(8,)])[0]), lambda k: k([]), lambda k: k([3]),
        lambda k: k([{"params": {*parameters([(8,)])}}]), lambda k: k([parameters([(8,)])[0] * 2]),
        lambda k: k(parameters([(8,)])).add_param_group([]),
        lambda k: (lambda p: k([p]).add_param_group({"params": [p]}))(parameters([(8,)])[0]),
    ]  # fmt: skip
    for make in wrong:
        with pytest.raises((TypeError, ValueError)) as theirs:
            make(torch.optim.Adam)
        with pytest.raises(type(theirs.value)) as ours:
            make(kind)
        assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "options",
    [
        {"lr": -1.0},
        {"eps": -1.0},
        {"betas": (1.0, 0.9)},
        {"betas": (0.9, -0.1)},
        {"weight_decay": -1.0},
        {"lr": float("nan")},
        {"lr": "fast"},
        {"momentum": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_settings_are_refused_in_torchs_words(name, options):
    with pytest.raises((ValueError, TypeError)) as theirs:
        getattr(torch.optim, name)(parameters(), **options)
    our_class = {"Adam": Adam, "AdamW": AdamW}[name]
    with pytest.raises(type(theirs.value)) as ours:
        our_class(parameters(), **options)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "options",
    [
        {"lr": -1.0},
        {"momentum": -0.1},
        {"nesterov": True},
        {"weight_decay": -1},
        {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
    ],
    ids=str,
)
def test_settings_of_sgd_are_refused_in_torchs_words(options):
    with pytest.raises(ValueError) as theirs:
        torch.optim.SGD(parameters(), **options)
    with pytest.raises(ValueError) as ours:
        SGD(parameters(), **options)
    assert str(ours.value) == str(theirs.value)


BAD = [
    ({"learning_rate": 1}, TypeError, "no hyperparameter 'learning_rate'; there are .*lr"),
    ({"lr": -1.0}, OptPlugError, "lr"), ({"lr": float("nan")}, OptPlugError, "lr"), ({"lr": "fast"}, OptPlugError, "lr"),
    ({"lr": [1]}, TypeError, "lr"), ({"lr": None}, TypeError, "lr"), ({"beta1": 1.5}, OptPlugError, "beta1"),
    ({"lr": torch.ones(2)}, (TypeError, ValueError), "lr"), ({"amsgrad": "perhaps"}, OptPlugError, "amsgrad"),
    ({"k": 2.5}, OptPlugError, "k"), ({"k": 0}, OptPlugError, "k"), ({"init": "slow"}, OptPlugError, "init"),
    ({"betas": 0.9}, TypeError, "pair"), ({"threads": 0}, ValueError, "threads"), ({"threads": -1}, ValueError, "threads"),
]  # fmt: skip


@pytest.mark.parametrize("options,error,text", BAD, ids=str)
def test_settings_of_an_expression_are_refused(options, error, text):
    with pytest.raises(error, match=text):
        Optimizer(parameters(), "lookahead(adam)", **options)


def test_values_are_kept_as_numbers():
    group = Optimizer(
        parameters(), "lookahead(adam)", lr="1e-2", amsgrad="true", k=7.0, alpha=1
    ).param_groups[0]
    assert (group["lr"], group["amsgrad"], group["k"], group["alpha"]) == (0.01, True, 7, 1.0)
    assert [type(group[key]) for key in ("lr", "amsgrad", "k", "alpha")] == [float, bool, int, float]


@pytest.mark.parametrize(
    "key,value", [("lr", -1.0), ("lr", float("nan")), ("lr", "fast"), ("lr", None), ("beta1", 2.0), ("k", 0)]
)
def test_a_bad_value_written_into_a_group_is_refused_and_changes_nothing(key, value):
    ours, expected = (
        Optimizer(parameters(), "lookahead(k=2, adam)"),
        Optimizer(parameters(), "lookahead(k=2, adam)"),
    )
    take_steps(ours, 0, 1)
    take_steps(expected, 0, 1)
    good = ours.param_groups[0][key]
    ours.param_groups[0][key] = value
    for _ in range(2):
        with pytest.raises((OptPlugError, ValueError, TypeError), match=key):
            take_steps(ours, 1, 1)
        assert_same(trained(ours), trained(expected))
    ours.param_groups[0][key] = good
    take_steps(ours, 1, 2)
    take_steps(expected, 1, 2)
    assert_same(trained(ours), trained(expected))


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "adm",
        "adam(",
        "adam)",
        "adam(lr=)",
        "adam(lr=1,lr=2)",
        "lookahead",
        "adam(adam)",
        "./nothing.so",
        "adam(speed=3)",
        "lookahead(k=2)",
        "adam()x",
        "\0",
    ],
    ids=repr,
)
def test_a_wrong_expression_is_explained(expression):
    with pytest.raises((OptPlugError, ValueError)) as error:
        Optimizer(parameters(), expression)
    assert len(str(error.value)) > 20


def test_near_misses_are_named():
    with pytest.raises(OptPlugError, match="Did you mean 'adam'"):
        Optimizer(parameters(), "adm")
    with pytest.raises(OptPlugError, match="momentum"):
        Optimizer(parameters(), "sgd(momentun=0.9)")
