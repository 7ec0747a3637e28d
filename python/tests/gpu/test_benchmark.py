"""Benchmarks/run cuda, as far as it goes without a GPU: its parts over the stand-in, and what it says where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from optplug.torch import _gpu

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "Benchmarks"))

from cuda import bits, cases, measure, options, report  # noqa: E402

CPU = torch.device("cpu")
TINY = cases.Tensors("tiny", "two tensors", [[300], [4, 5]])


@pytest.mark.parametrize("expression", ["adamw", "lookahead(k=3, lion)", "ema(sgd)"])
@pytest.mark.parametrize("dtype", bits.DTYPES)
def test_bits_are_compared(gpu, expression, dtype):
    found = bits.compare(expression, dtype, CPU)
    assert not found.difference and not found.fallback


def test_a_difference_is_seen(gpu, monkeypatch):
    step = bits.Optimizer.step

    def other(self, closure=None):
        step(self, closure)
        if self._stays_off_gpu is None:
            self.state[self.param_groups[0]["params"][0]]["exp_avg"].view(-1)[0] += 1e-6

    monkeypatch.setattr(bits.Optimizer, "step", other)
    assert bits.compare("adamw", torch.float32, CPU).difference.startswith(("exp_avg of parameter 0", "parameter 0"))


def test_what_runs_on_the_cpu_is_said(gpu):
    found = bits.compare("lars", torch.float32, CPU)
    assert "formula of 'lars'" in found.fallback and not found.failed
    assert "not compared" in report.text(report.Found({}, 3, [found], []))


def test_a_gpu_that_cannot_be_used_is_a_failure(gpu, monkeypatch):
    monkeypatch.setattr(bits.GPUEngine, "__init__", _refuse)
    found = bits.compare("adamw", torch.float32, CPU)
    assert found.failed and "no GPU today" in report.Found({}, 3, [found], []).failed[0]
    case = cases.Case("large/adam", TINY, (cases.OURS, cases.FUSED))
    with pytest.warns(UserWarning, match="no GPU today"):
        ours, fused = measure.measure(case, 2, measure.Device("cpu"), copied=1 << 16).contenders
    assert not ours.seconds and "no GPU today" in ours.missing and fused.seconds


def _refuse(self, optimizer, device):
    raise _gpu.CannotRun("no GPU today")


def test_every_elementwise_plugin_is_compared():
    found = bits.expressions()
    assert {"sgd", "adam", "lookahead(k=3, adamw)", "lookahead(sgd)", "schedulefree(sgd)", "ema(sgd)"} <= set(found)
    assert not any(name.startswith(("muon", "adafactor", "sam")) for name in found)


def test_times_become_tables(gpu):
    case = cases.Case("large/adam", TINY, (cases.OURS, cases.FUSED, cases.FLAT))
    lookahead = cases.Case("large/lookahead", TINY, (cases.OURS, *cases.LOOKAHEAD[:2], cases.Contender("x", None, "no-such")))
    measured = [measure.measure(one, 3, measure.Device("cpu"), copied=1 << 16) for one in (case, lookahead)]
    found = report.Found({"GPU": "none"}, 3, [bits.compare("sgd", torch.float32, CPU)], measured)
    text = report.text(found)
    assert "not measured: x (no-such is not installed)" in text and "torch fused" in text
    rows = {row[0]: row for row in report.target_table(found).rows}
    assert rows["Adam, ResNet-18: faster than torch fused"][3] == "not measured"
    assert rows["Adam, 100 M parameters: faster than torch fused"][3] in ("met", "MISSED")
    assert len(json.loads(json.dumps(report.full_json(found)))["cases"]) == 2
    assert not found.failed and report.markdown(found)


def test_ratios_and_verdicts():
    times = [measure.Times("ours", [1.0, 2.0, 1.0]), measure.Times("torch fused", [3.0, 5.0, 2.9])]
    case = cases.Case("small/adam", TINY, ())
    found = report.Found({}, 3, [bits.Comparison("adam", "float32", "parameter 3")], [measure.Measured(case, times, [1e9] * 3)])
    assert found.ratio("small/adam", "torch fused", "ours") == 2.9
    assert found.share_of_bandwidth("small/adam", "ours") == pytest.approx(28 * 320 / 1e9)
    rows = {row[0]: row for row in report.target_table(found).rows}
    assert rows["Adam, 10,000 x 64: faster than torch fused"][2:] == ["2.900", "MISSED"]
    assert found.failed == ["bits: adam, float32: parameter 3"]


def test_contenders_take_the_same_steps():
    """The baselines are no straw men: they do what torch's own Adam does."""

    def train(contender):
        prepared = measure.Prepared(contender, cases.Case("x", TINY, ()), measure.Device("cpu"))
        prepared.time(10)
        return [p.detach() for p in prepared.parameters]

    reference = train(cases.FUSED)
    for contender in (cases.OURS, *cases.TORCH, cases.FLAT):
        for a, b in zip(train(contender), reference):
            assert torch.allclose(a, b, rtol=1e-4, atol=1e-6)
    for a, b in zip(train(cases.LOOKAHEAD[0]), train(cases.LOOKAHEAD[1])):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-6)


def test_options():
    assert [case.name for case in options.parse(["--only", "large", "--quick"]).cases] == ["large/adam", "large/lookahead"]
    with pytest.raises(SystemExit):
        options.parse(["--only", "nothing"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so():
    command = [sys.executable, "-P", "-m", "cuda"]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT / "Benchmarks")}, capture_output=True, text=True)
    assert done.returncode == 69 and "needs an NVIDIA GPU" in done.stderr
