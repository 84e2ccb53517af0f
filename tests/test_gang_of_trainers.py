"""The two workers of a slot as they take trials from it: a real gloo group, a referee of files, no Ray.

A trial that cannot be built ends while its workers may be seconds apart; neither waits in vain, and none of the trials
after it is lost. This file is also the program of each worker: `python test_gang_of_trainers.py RANK FOLDER LATE`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sparring.errors import Infeasible
from sparring.records import Answer, Start, StudySpec, Trial, Verdict

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

TRIALS, UNBUILT = 4, 1
LATE_S = 1.0
GROUP_S = 120.0
"""What a worker that waits in vain would wait: far above what the trials take."""


class Referee:
    """Ends a trial when it is told to fail or reported done; what has ended is a file that both workers see."""

    def __init__(self, folder: Path, rank: int, late: str) -> None:
        self.folder, self.rank, self.late = folder, rank, late

    def start(self, number: int, token: str) -> Start | None:
        if self.late == str(self.rank) and number == UNBUILT:
            time.sleep(LATE_S)
        if (self.folder / f"ended-{number}").exists() or (self.late == "apart" and self.rank == number == UNBUILT):
            return None
        attempt = 2 if self.late == "anew" and self.rank == number == UNBUILT else 1
        return Start(trial=Trial(number=number, params={}, seed=0, attempt=attempt), checkpoint=None, durable=0)

    def fail(self, number: int, attempt: int, outcome: str, error: str, **_: Any) -> None:
        (self.folder / f"ended-{number}").write_text(outcome)

    def report(self, rows: list[Any], *, last: bool = False, **_: Any) -> Answer:
        if last:
            (self.folder / f"ended-{rows[-1].trial}").write_text("completed")
        return Answer(verdict=Verdict.GO_ON, durable=rows[-1].epoch)


class Handle:
    """Calls of an actor as Ray spells them."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Any:
        method = SimpleNamespace(remote=getattr(self._actor, name))
        method.options = lambda name: method
        return method


def play(rank: int, folder: Path, late: str) -> None:
    from sparring.cluster import trainer
    from sparring.training import loop
    from sparring.training.averaging import PeerLost, Workers

    torch.set_num_threads(1)
    store = torch.distributed.FileStore(str(folder / "store"), 2)
    torch.distributed.init_process_group(
        "gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=GROUP_S)
    )
    build = loop.TrialTraining.__init__

    def building(self: Any, *parts: Any, trial: Trial, **options: Any) -> None:
        if trial.number == UNBUILT:
            raise Infeasible("nothing fits")
        build(self, *parts, trial=trial, **options)

    loop.TrialTraining.__init__ = building  # type: ignore[method-assign]
    trainer.ray = SimpleNamespace(get=lambda answer: answer)
    space = {"model": "aegan", "dataset": "exafs", "objectives": [{"metric": "val/score"}]}
    small = {"epochs": 1, "hidden_size": 8, "n_hl_gen": 1, "n_hl_shared": 1, "n_hl_dis": 1, "batch_size": 8}
    spec = StudySpec(name="s", model="aegan", dataset="exafs", space={**space, "fixed": small}, workers_per_trial=2)
    generator = torch.Generator().manual_seed(0)
    rows = {name: torch.rand(16, n, generator=generator).numpy() for name, n in (("structure", 5), ("spectrum", 9))}
    brief = trainer.WorkerInputs(spec=spec, referee=Handle(Referee(folder, rank, late)), train=rows, valid=rows, ood={})
    worker = trainer.Trainer(brief, workers=Workers(rank, 2))
    lost = []
    for number in range(TRIALS):
        try:
            worker.train(number, "token")
        except PeerLost:
            lost.append(number)
    (folder / f"{rank}.json").write_text(json.dumps({"lost": lost}))
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.fixture
def seen(run_both, tmp_path) -> Callable[[str], list[dict[str, Any]]]:
    """What each of the two saw."""

    def transform_rows(late: str) -> list[dict[str, Any]]:
        run_both(__file__, tmp_path, late)
        return [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]

    return transform_rows


@pytest.mark.parametrize("late", ["none", "0", "1"])
def test_a_trial_that_cannot_be_built_ends_for_both_whoever_is_late(seen, tmp_path, late):
    two = seen(late)
    assert [each["lost"] for each in two] == [[], []], "nobody waited for a vote until the group gave up"
    ended = {number: (tmp_path / f"ended-{number}").read_text() for number in range(TRIALS)}
    assert ended == {number: "infeasible" if number == UNBUILT else "completed" for number in range(TRIALS)}


@pytest.mark.fault(46)
@pytest.mark.parametrize("told", ["apart", "anew"])
def test_workers_that_are_told_different_things_both_give_the_attempt_up(seen, told):
    """As by a referee that died between their calls: that nothing is left to run, or of the next attempt.

    Ray Train then starts their group again.
    """
    assert [each["lost"] for each in seen(told)] == [[UNBUILT], [UNBUILT]]


if __name__ == "__main__":
    play(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
