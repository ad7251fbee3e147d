"""The training loop: what it learns and writes, that it goes on bit by bit after a stop, and stops at nonsense."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stage_cases import CPU, RECIPE, Run, TinyNetwork, TinyTrainee, draw
from tiny_network import TINY
from torch import nn

from vostool.errors import Interrupted, UsageError
from vostool.models.lite import LiteNetwork
from vostool.systems import find_system, load_network
from vostool.training.average import WeightAverage
from vostool.training.checkpoint import RunFolder
from vostool.training.device import training_precision
from vostool.training.optimiser import build_optimiser, rate_factor
from vostool.training.recipe import Optimiser
from vostool.training.records import Habits, TrainingError
from vostool.training.schedule import linear
from vostool.training.stage import Stage
from vostool.weights.checkpoint import read_checkpoint

LOSS_KEYS = {"step", "loss", "entropy", "size", "gradient", "rate", "seconds", "samples_per_second", "waiting"}
TIMES = {"seconds", "samples_per_second", "waiting"}


def read_lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def without_times(folder: Path) -> list[dict[str, float]]:
    return [{name: value for name, value in line.items() if name not in TIMES} for line in read_lines(folder)]


def require_equal(one: Any, other: Any) -> None:
    """Equal, tensors bit by bit, however deep they lie."""
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for name in one:
            require_equal(one[name], other[name])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            require_equal(*pair)
    else:
        assert one == other


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nobody stopped."""
    run = Run(tmp_path_factory.mktemp("whole"))
    run.make().run()
    return run


def test_run_learns_and_leaves_its_files(whole: Run) -> None:
    assert sorted(path.name for path in whole.folder.iterdir()) == [
        "best.safetensors", "last.safetensors", "metrics.jsonl", "state.pt",
    ]  # fmt: skip
    lines = read_lines(whole.folder)
    steps, scores = [line for line in lines if "loss" in line], [line for line in lines if "loss" not in line]
    assert [line["step"] for line in steps] == list(range(1, 9)) == [record.step for record in whole.records]
    assert all(line.keys() == LOSS_KEYS for line in steps)
    assert [line["step"] for line in scores] == [0, 3, 6, 8] == whole.scored
    assert all(line.keys() == {"step", "J", "F", "J&F"} for line in scores)
    assert steps[-1]["entropy"] < steps[0]["entropy"]


def test_best_weights_are_those_of_the_best_score(whole: Run) -> None:
    scores = {line["step"]: line["J&F"] for line in read_lines(whole.folder) if "J&F" in line}
    best = max(scores, key=lambda step: scores[step])
    assert 0 < best < 8, "the test's score has its top in the middle"
    assert RunFolder(whole.folder).read_state()["best"] == {"score": scores[best], "step": best}
    checkpoint = read_checkpoint(whole.folder / "best.safetensors")
    history = json.loads(checkpoint.metadata["history"])
    assert (history["steps"], history["J&F"]) == (best, scores[best])
    assert history["recipe"]["optimiser"]["learning_rate"] == 1e-2


@pytest.mark.parametrize("num_steps", [1, 2, 3, 5])
def test_resumed_run_is_the_run_that_was_not_stopped(whole: Run, tmp_path: Path, num_steps: int) -> None:
    """Stopped where nothing is due, where a checkpoint is, and where a validation is."""
    with pytest.raises(Interrupted, match=f"SIGINT after step {num_steps} of 8") as stopped:
        Run(tmp_path, stop_after=num_steps).make().run()
    assert stopped.value.exit_code == 130
    resumed = Run(tmp_path, seed=9)
    stage = resumed.make()
    stage.resume()
    assert stage.step == num_steps
    stage.run()
    require_equal(RunFolder(whole.folder).read_state(), RunFolder(tmp_path).read_state())
    require_equal(whole.network.state_dict(), resumed.network.state_dict())
    assert without_times(tmp_path) == without_times(whole.folder)
    for name in ("last.safetensors", "best.safetensors"):
        require_equal(read_checkpoint(tmp_path / name).tensors, read_checkpoint(whole.folder / name).tensors)


def test_lines_after_the_last_checkpoint_are_written_once(whole: Run, tmp_path: Path) -> None:
    """A killed run has told of steps that it had not saved, the last one in half a line."""
    with pytest.raises(Interrupted):
        Run(tmp_path, stop_after=4).make().run()
    with (tmp_path / "metrics.jsonl").open("a") as lines:
        lines.write('{"step": 5, "loss": 1.0}\n{"step": 6, "lo')
    stage = Run(tmp_path).make()
    stage.resume()
    stage.run()
    assert without_times(tmp_path) == without_times(whole.folder)


def test_validation_that_was_told_but_not_saved_is_told_once(whole: Run, tmp_path: Path) -> None:
    """A run was killed between the line of a validation and the checkpoint after it."""
    with pytest.raises(Interrupted):
        Run(tmp_path, stop_after=3).make().run()
    RunFolder(tmp_path).append({"step": 3, "J": 0.1, "F": 0.1, "J&F": 0.1})
    stage = Run(tmp_path).make()
    stage.resume()
    stage.run()
    assert without_times(tmp_path) == without_times(whole.folder)


def test_run_from_the_start_forgets_the_metrics_of_another(whole: Run, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 5.0}\n')
    Run(tmp_path).make().run()
    assert without_times(tmp_path) == without_times(whole.folder)


def test_validation_changes_nothing(whole: Run, tmp_path: Path) -> None:
    run = Run(tmp_path, validate=None)
    run.make().run()
    require_equal(run.network.state_dict(), whole.network.state_dict())
    assert not (tmp_path / "best.safetensors").exists()


def test_validation_sees_the_averages(tmp_path: Path) -> None:
    seen: list[Any] = []
    run = Run(tmp_path)
    run.validate = lambda network: seen.append(network) or Run(tmp_path).validate(network)  # type: ignore[misc,func-returns-value]
    run.make().run()
    last = read_checkpoint(tmp_path / "last.safetensors").tensors
    assert torch.equal(seen[-1].head.weight.half(), last["head.weight"])
    assert not torch.equal(seen[-1].head.weight, run.network.head.weight)
    assert not any(each.requires_grad for each in seen[-1].parameters())


def test_resuming_refuses_other_numbers(whole: Run) -> None:
    other = replace(RECIPE, optimiser=replace(RECIPE.optimiser, learning_rate=0.5))
    with pytest.raises(UsageError, match=r"has learning_rate 0\.01, not 0\.5"):
        Run(whole.folder, recipe=other).make().resume()


def test_loss_that_is_not_a_number_names_step_and_clips(tmp_path: Path) -> None:
    run = Run(tmp_path, breaks_at=5)
    with pytest.raises(TrainingError, match="loss is nan at step 6, on the clips clip-0, clip-1, bad, clip-3"):
        run.make().run()
    assert [record.step for record in run.records] == [1, 2, 3, 4, 5]
    assert all(torch.isfinite(each).all() for each in run.network.state_dict().values())
    stage = Run(tmp_path).make()
    stage.resume()
    assert stage.step == 4


def test_gradient_that_is_not_finite_stops(tmp_path: Path) -> None:
    run = Run(tmp_path)
    stage = run.make()
    run.network.seldom.register_hook(lambda gradient: gradient * float("inf"))
    run.network.head.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(TrainingError, match=r"the gradient is (inf|nan) at step 1"):
        stage.run()


def test_share_of_waiting_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a clock that only the loop moves: three seconds for the batch, one for the step."""
    ticks = iter([0.0, 3.0, 4.0] * 2)
    monkeypatch.setattr("vostool.training.stage.time.perf_counter", lambda: next(ticks))
    run = Run(tmp_path, recipe=replace(RECIPE, num_steps=2))
    run.make().run()
    assert [(each.seconds, each.waiting, each.samples_per_second) for each in run.records] == [(4.0, 0.75, 1.0)] * 2


def test_errors_of_drawing_come_out(tmp_path: Path) -> None:
    def fail(step: int, piece: slice) -> None:
        raise UsageError(f"nothing to draw at {step}")

    stage = Stage(TinyTrainee(TinyNetwork()), RECIPE, fail, tmp_path, CPU)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="nothing to draw at 0"):
        stage.run()


def test_frozen_layers_stay_and_the_backbone_has_its_rate(whole: Run) -> None:
    before, after = TinyNetwork().state_dict(), whole.network.state_dict()
    assert torch.equal(before["backbone.0.weight"], after["backbone.0.weight"])
    assert not torch.equal(before["backbone.2.weight"], after["backbone.2.weight"])
    groups = build_optimiser(TinyNetwork(), RECIPE.optimiser, CPU).param_groups
    assert [(group["lr"], len(group["params"])) for group in groups] == [(1e-2, 3), (2e-3, 4)]
    same_rate = build_optimiser(TinyNetwork(), replace(RECIPE.optimiser, backbone_rate=None, name="adam"), CPU)
    assert {group["lr"] for group in same_rate.param_groups} == {1e-2}
    assert not isinstance(same_rate, torch.optim.AdamW)


def test_rate_warms_up_and_follows_the_schedule(whole: Run) -> None:
    rates = [record.rate for record in whole.records]
    assert rates == pytest.approx([1e-2 * min(1, (k + 1) / 2) * (1 - 0.9 * k / 8) for k in range(8)])
    assert rate_factor(Optimiser(rate=linear(1.0, 0.0)), 0, 10) == 1.0


def test_weights_of_a_run_are_a_checkpoint(tmp_path: Path) -> None:
    class LiteTrainee(TinyTrainee):
        def forward(self, batch: Any, progress: float, step: int, first_clip: int = 0) -> dict[str, torch.Tensor]:
            images = torch.nn.functional.interpolate(batch.frames[:, 0], scale_factor=4)
            return {"loss": self.network.encode_query(images).key.square().mean()}

    torch.manual_seed(0)
    recipe = replace(RECIPE, system="lite", num_steps=2)
    Stage(LiteTrainee(LiteNetwork(TINY)), recipe, draw, tmp_path, CPU, habits=Habits(save_every=1)).run()
    assert load_network(find_system("lite"), tmp_path / "last.safetensors").config == TINY


def test_average_follows_the_weights() -> None:
    network = nn.Linear(1, 1)
    nn.init.zeros_(network.weight)
    average = WeightAverage(network, 0.5)
    nn.init.ones_(network.weight)
    values = []
    for _ in range(60):
        average.update()
        values.append(average.weights["weight"].item())
    assert values == sorted(values)
    assert values[0] == pytest.approx(1 - 2 / 11)
    assert values[-1] == pytest.approx(1.0)


def test_no_average_is_the_weights_themselves() -> None:
    network = nn.Linear(1, 1)
    average = WeightAverage(network, 0.0)
    nn.init.constant_(network.weight, 7.0)
    average.update()
    assert average.weights["weight"].item() == 7.0


@pytest.mark.parametrize(("name", "expected"), [("auto", torch.float32), ("bfloat16", torch.bfloat16)])
def test_precision_of_training(name: str, expected: torch.dtype) -> None:
    assert training_precision(name, CPU) == expected
    with pytest.raises(UsageError, match="float16 is too narrow"):
        training_precision("float16", CPU)
