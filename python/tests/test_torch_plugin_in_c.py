"""A stranger's plugin: compiled on the spot, named by its path, alone and under wrappers."""

import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from helpers import assert_same, parameters, set_gradients, take_steps, trained
from optplug import OptPlugError, describe
from optplug.torch import Lookahead, Optimizer

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not shutil.which("cc") or not (ROOT / "include" / "optplug.h").exists(), reason="needs cc and the header"
)

SIGNSGD = r"""
#include <math.h>
#include <optplug.h>
static optplug_status step(const optplug_instance *self, const optplug_frame *frame, optplug_error *error) {
  (void)self, (void)error;
  for (uint32_t s = 0; s < frame->segments.count; s++) {
    const optplug_segment *piece = OPTPLUG_AT(frame->segments, optplug_segment, s);
    const float lr = (float)frame->hyperparameters[piece->group_index][0];
    const float *g = piece->gradient;
    float *p = piece->parameter;
    for (int64_t i = 0; i < piece->count; i++) p[i] -= lr * (float)((g[i] > 0) - (g[i] < 0));
  }
  return OPTPLUG_OK;
}
static const optplug_hyperparameter settings[] = {
    {.name = "lr", .doc = "Step size.", .default_value = 1e-3, .max_value = HUGE_VAL}};
static const optplug_optimizer signsgd = {
    .struct_size = sizeof signsgd, .name = "signsgd", .version = "1.0", .summary = "Steps by the gradient's sign.",
    .capabilities = OPTPLUG_CAPABILITY_FLOAT32, .hyperparameters = {settings, 1, sizeof settings[0]}, .step = step};
static const optplug_optimizer *const all[] = {&signsgd};
static const optplug_library library = {.struct_size = sizeof library, .optimizer_count = 1, .optimizers = all};
OPTPLUG_EXPORT optplug_status optplug_entry_v1(const optplug_host *host, const optplug_library **out, optplug_error *error) {
  (void)host, (void)error;
  *out = &library;
  return OPTPLUG_OK;
}
"""


def compiled(source: Path, result: Path) -> str:
    command = [
        "cc",
        "-std=c11",
        "-O2",
        "-shared",
        "-fPIC",
        "-I",
        str(ROOT / "include"),
        str(source),
        "-o",
        str(result),
        "-lm",
    ]
    subprocess.run(command, check=True, timeout=300)
    return str(result)


@pytest.fixture(scope="module")
def signsgd(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "signsgd.c").write_text(SIGNSGD)
    return compiled(folder / "signsgd.c", folder / "signsgd.so")


@pytest.fixture(scope="module")
def adabelief(tmp_path_factory) -> str:
    source = ROOT / "Examples" / "adabelief-c" / "adabelief.c"
    return compiled(source, tmp_path_factory.mktemp("plugin") / "adabelief.so")


def signs_by_hand(tensors: list[torch.Tensor], count: int, lr: float) -> None:
    for number in range(count):
        set_gradients(tensors, number)
        with torch.no_grad():
            for p in tensors:
                p.sub_(p.grad.sign() * lr)


def test_by_its_path(signsgd):
    ours, expected = Optimizer(parameters(), f"{signsgd}(lr=0.25)"), parameters()
    take_steps(ours)
    signs_by_hand(expected, 3, 0.25)
    assert_same(trained(ours), expected)
    assert describe(signsgd)


def test_by_its_name_in_a_folder(signsgd):
    ours = Optimizer(parameters(), "signsgd", lr=0.25, search_path=[str(Path(signsgd).parent)])
    take_steps(ours)
    expected = parameters()
    signs_by_hand(expected, 3, 0.25)
    assert_same(trained(ours), expected)


@pytest.mark.parametrize("how", ["expression", "class"])
def test_under_lookahead(signsgd, how):
    ours = (
        Optimizer(parameters(), f"lookahead(k=3, {signsgd}(lr=0.25))")
        if how == "expression"
        else Lookahead(signsgd, parameters(), k=3, lr=0.25)
    )
    take_steps(ours, count=3)
    start, expected = parameters(), parameters()
    signs_by_hand(expected, 3, 0.25)
    for p, slow, fast in zip(trained(ours), start, expected):
        torch.testing.assert_close(p.detach(), (slow + fast).detach() / 2, rtol=1e-6, atol=1e-6)


def test_sixteen_bits_and_copies_without_code_of_its_own(adabelief):
    ours = Optimizer(parameters(dtype=torch.bfloat16), f"lookahead(k=2, {adabelief})")
    take_steps(ours, 0, 3)
    other = Optimizer(
        [p.detach().clone().requires_grad_() for p in trained(ours)], f"lookahead(k=2, {adabelief})"
    )
    other.load_state_dict(ours.state_dict())
    take_steps(ours, 3, 3)
    take_steps(other, 3, 3)
    assert_same(trained(ours), trained(other))


def test_a_type_that_the_plugin_does_not_take(signsgd):
    with pytest.raises(OptPlugError, match="float64"):
        take_steps(Optimizer(parameters(dtype=torch.float64), signsgd))


def test_a_file_that_is_no_plugin(tmp_path):
    (tmp_path / "text.so").write_text("not a library")
    with pytest.raises(OptPlugError, match="text.so"):
        Optimizer(parameters(), str(tmp_path / "text.so"))
