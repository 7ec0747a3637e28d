"""Trainers that others wrote, with our optimizers in place of torch's: the same bits, and runs that resume."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optplug.torch as optplug
import pytest
import torch
from torch import nn

os.environ.setdefault("HF_HUB_OFFLINE", "1")
EXPRESSION = "lookahead(k=3, adamw(lr=0.01))"


def network() -> nn.Module:
    """The same each time; all sizes are multiples of 8, where AdamW has the bits of torch's fused one."""
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 8))


def data() -> torch.utils.data.TensorDataset:
    generator = torch.Generator().manual_seed(4)
    return torch.utils.data.TensorDataset(*(torch.randn(48, 8, generator=generator) for _ in range(2)))


def assert_same(ours: nn.Module, theirs: nn.Module) -> None:
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters()):
        assert torch.equal(a, b), f"{name} differs by up to {(a - b).abs().max()}"


@pytest.fixture(scope="module", autouse=True)
def torchvision_loads() -> None:
    """All three trainers import torchvision where it is installed.

    Its wheels for GPUs have no operators under a torch for CPUs. None is used here, so that their declaration can be
    left out.
    """
    declarations = "torchvision._meta_registrations"
    if importlib.util.find_spec("torchvision") is None:
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        sys.modules[declarations] = types.ModuleType(declarations)
        import torchvision  # noqa: F401


class TestLightning:
    """`Trainer.fit`, with automatic optimization, clipping, a schedule and accumulated gradients."""

    @staticmethod
    def fit(make: Callable[[Any], torch.optim.Optimizer], folder: Path, epochs: int, resume: str | None = None) -> Any:
        lightning = pytest.importorskip("lightning", reason="lightning is not installed")

        class Module(lightning.LightningModule):
            def __init__(self) -> None:
                super().__init__()
                self.model = network()

            def training_step(self, batch: Any, _: int) -> torch.Tensor:
                return nn.functional.mse_loss(self.model(batch[0]), batch[1])

            def configure_optimizers(self) -> Any:
                optimizer = make(self.parameters())
                return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.7)]

        module = Module()
        trainer = lightning.Trainer(
            max_epochs=epochs, accelerator="cpu", devices=1, logger=False, enable_progress_bar=False,
            enable_checkpointing=False, enable_model_summary=False, gradient_clip_val=0.5, accumulate_grad_batches=2,
            default_root_dir=folder,
        )  # fmt: skip
        trainer.fit(module, torch.utils.data.DataLoader(data(), batch_size=8), ckpt_path=resume)
        trainer.save_checkpoint(folder / "last.ckpt")
        return module

    def test_is_as_torch(self, tmp_path: Path) -> None:
        ours = self.fit(lambda p: optplug.AdamW(p, lr=1e-2), tmp_path, 3)
        theirs = self.fit(lambda p: torch.optim.AdamW(p, lr=1e-2, foreach=False, fused=True), tmp_path, 3)
        assert_same(ours, theirs)

    @pytest.mark.parametrize("expression", [EXPRESSION, "sam(sgd(lr=0.1, momentum=0.9))"])
    def test_resumes(self, tmp_path: Path, expression: str) -> None:
        """SAM evaluates the loss twice in a step: Lightning always steps with a closure."""

        def make(parameters: Any) -> torch.optim.Optimizer:
            return optplug.Optimizer(parameters, expression)

        whole = self.fit(make, tmp_path, 4)
        self.fit(make, tmp_path, 2)
        assert_same(self.fit(make, tmp_path, 4, resume=str(tmp_path / "last.ckpt")), whole)


class TestHuggingFace:
    """`transformers.Trainer`, which steps through accelerate."""

    @staticmethod
    def train(kind: type, options: dict[str, Any], folder: Path, resume: bool | str = False) -> Any:
        transformers = pytest.importorskip("transformers", reason="transformers is not installed")
        pytest.importorskip("accelerate", reason="accelerate is not installed")
        torch.manual_seed(5)
        config = transformers.BertConfig(
            vocab_size=32, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=16, num_labels=8,
        )  # fmt: skip
        model = transformers.BertForSequenceClassification(config)
        generator = torch.Generator().manual_seed(6)
        rows = [
            {"input_ids": torch.randint(0, 32, (8,), generator=generator), "labels": torch.tensor(i % 8)}
            for i in range(64)
        ]
        arguments = transformers.TrainingArguments(
            output_dir=str(folder), per_device_train_batch_size=8, max_steps=12, learning_rate=1e-2, weight_decay=0.1,
            save_strategy="steps", save_steps=6, logging_strategy="no", report_to=[], use_cpu=True, seed=7,
            disable_tqdm=True, dataloader_pin_memory=False, warmup_steps=2,
        )  # fmt: skip
        trainer = transformers.Trainer(
            model=model, args=arguments, train_dataset=rows, optimizer_cls_and_kwargs=(kind, options)
        )
        trainer.train(resume_from_checkpoint=resume)
        assert isinstance(trainer.optimizer.optimizer, kind)
        return model

    def test_is_as_torch(self, tmp_path: Path) -> None:
        options = {"lr": 1e-2, "betas": (0.9, 0.98)}
        ours = self.train(optplug.AdamW, options, tmp_path / "ours")
        theirs = self.train(torch.optim.AdamW, {**options, "fused": True}, tmp_path / "theirs")
        assert_same(ours, theirs)

    def test_resumes(self, tmp_path: Path) -> None:
        options = {"expression": EXPRESSION}
        whole = self.train(optplug.Optimizer, options, tmp_path)
        shutil.rmtree(tmp_path / "checkpoint-12")
        resumed = self.train(optplug.Optimizer, options, tmp_path, resume=str(tmp_path / "checkpoint-6"))
        assert_same(resumed, whole)


class TestTimm:
    """Optimizers registered with timm's factory, which makes the parameter groups."""

    @pytest.fixture(scope="class")
    def factory(self) -> Any:
        if importlib.util.find_spec("timm") is None:
            pytest.skip("timm is not installed")
        import timm.optim

        return timm.optim

    @staticmethod
    def train(optimizer: torch.optim.Optimizer, model: nn.Module) -> nn.Module:
        inputs, targets = data().tensors
        for _ in range(5):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), targets).backward()
            optimizer.step()
        return model

    def test_registered_class(self, factory: Any) -> None:
        """With weight decay for weights but not for biases, and a rate that falls from layer to layer."""
        info = factory.OptimInfo(name="optplugadamw", opt_class=optplug.AdamW, has_betas=True)
        factory._optim_factory.default_registry.register(info)
        ours, theirs = network(), network()
        options = {"lr": 1e-2, "weight_decay": 0.1, "betas": (0.9, 0.95), "layer_decay": 0.5}
        optimizer = factory.create_optimizer_v2(ours, "optplugadamw", **options)
        assert len({group["weight_decay"] for group in optimizer.param_groups}) == 2
        assert isinstance(optimizer, optplug.AdamW)
        self.train(optimizer, ours)
        self.train(factory.create_optimizer_v2(theirs, "adamw", **options, fused=True), theirs)
        assert_same(ours, theirs)

    def test_registered_expression(self, factory: Any) -> None:
        """An expression as the registry's default, next to timm's Lookahead around ours, which syncs every 6 steps."""
        info = factory.OptimInfo(
            name="optplug", opt_class=optplug.Optimizer, has_betas=True, defaults={"expression": "adamw"}
        )
        factory._optim_factory.default_registry.register(info)
        ours, wrapped, direct = network(), network(), network()
        self.train(factory.create_optimizer_v2(ours, "optplug", lr=1e-2, weight_decay=0.1, eps=1e-7), ours)
        self.train(
            factory.create_optimizer_v2(wrapped, "lookahead_optplug", lr=1e-2, weight_decay=0.1, eps=1e-7), wrapped
        )
        groups = [{"params": [p for p in direct.parameters() if p.dim() == dim], "weight_decay": decay}
                  for dim, decay in ((1, 0.0), (2, 0.1))]  # fmt: skip
        self.train(torch.optim.AdamW(groups, lr=1e-2, eps=1e-7, fused=True), direct)
        assert_same(ours, direct)
        assert_same(wrapped, direct)


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_compiled_model(backend: str) -> None:
    """A compiled model, trained by a step that is not compiled, has the bits that torch's optimizer gives it."""
    if backend == "inductor" and shutil.which("g++") is None and shutil.which("c++") is None:
        pytest.skip("torch.compile's default backend needs a C++ compiler")
    ours, theirs = network(), network()
    inputs, targets = data().tensors
    for model, kind, options in ((ours, optplug.AdamW, {}), (theirs, torch.optim.AdamW, {"fused": True})):
        compiled = torch.compile(model, backend=backend)
        optimizer = kind(compiled.parameters(), lr=1e-2, **options)
        for _ in range(4):
            optimizer.zero_grad()
            nn.functional.mse_loss(compiled(inputs), targets).backward()
            optimizer.step()
    assert_same(ours, theirs)


def test_step_inside_a_compiled_function() -> None:
    """A training step that is compiled as a whole leaves our step outside the graph."""
    ours, plain = network(), network()
    inputs, targets = data().tensors

    def steps(model: nn.Module, compiled: bool) -> list[float]:
        optimizer = optplug.Optimizer(model.parameters(), EXPRESSION)

        def step() -> torch.Tensor:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(inputs), targets)
            loss.backward()
            optimizer.step()
            return loss

        run = torch.compile(step, backend="eager") if compiled else step
        return [run().item() for _ in range(5)]

    assert steps(ours, True) == steps(plain, False)
    assert_same(ours, plain)
