"""What trains a trial against the referee, alone in its slot or as one of several workers.

Built once per process and fed trial after trial: nothing is imported, opened or loaded twice. Epochs go straight to the
referee, which answers with a verdict. Of several workers each opens the trial with the same token, and rank 0 alone
reports; its verdict goes to the others through the process group, so all stop at the same epoch.
"""

from __future__ import annotations

import faulthandler
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ray

from ..errors import ClusterError, Infeasible, SparringError
from ..models import find_model
from ..models.own import OwnModel, allow_read
from ..records import Answer, EpochRow, Outcome, Start, StudySpec, Verdict
from ..space import Space
from .signs import Signs

if TYPE_CHECKING:
    import torch
    from ray import ObjectRef

    from ..data.variants import Source
    from ..training.averaging import Workers
    from ..training.loop import TrialTraining
    from .data_refs import Rows
    from .referee_actor import RefereeHandle

_VERDICTS = tuple(Verdict)

_OUT_OF_MEMORY = ("can't allocate memory", "CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
"""What torch says on a CPU, CUDA outside of torch's allocator, and cuBLAS and cuDNN of their own buffers."""


@dataclass(frozen=True, kw_only=True)
class WorkerInputs:
    """What every worker of a search gets once, through Ray's object store.

    train, valid: references to the rows; all workers of a node map their arrays without a copy. ood: to the
    out-of-distribution samples, without fields if the study has none.
    """

    spec: StudySpec
    referee: RefereeHandle
    train: ObjectRef[Rows]
    valid: ObjectRef[Rows]
    ood: ObjectRef[Rows]
    own: OwnModel | None = None
    """The model's files, where it is the user's own."""
    source: Source | None = None
    """How the rows of a trial with other options of the data are made; None where no such option is searched."""


class Trainer:
    """This process's share in training trials. ``workers``: the others that train the same trial; None if alone.

    Raises ClusterError if a GPU was asked for that torch cannot use.
    """

    def __init__(
        self, inputs: WorkerInputs, *, device: str | torch.device = "cpu", workers: Workers | None = None
    ) -> None:
        import torch

        from ..training.batches.mapped_rows import as_rows
        from .trial_rows import RowsOfTrials

        if torch.device(device).type == "cpu" and inputs.spec.gpus_per_worker > 0:
            raise ClusterError(
                "--gpus-per-worker: a worker was given a GPU, but its PyTorch cannot use one; install a PyTorch built "
                "for CUDA on every node, or leave the flag out"
            )
        torch.set_num_threads(inputs.spec.cpus_per_worker)
        if torch.device(device).type == "cuda" and inputs.spec.gpus_per_worker < 1:
            # Ray counts shares and bounds nothing: one slot's cache could leave the others without memory.
            torch.cuda.set_per_process_memory_fraction(inputs.spec.gpus_per_worker, device)
        self._referee, self._spec = inputs.referee, inputs.spec
        self._device, self._workers = device, workers
        self._leads = workers is None or workers.rank == 0
        if inputs.own is not None:
            allow_read(inputs.own)  # the driver's user has named it
        self._model_class = find_model(inputs.spec.model)
        self._space = Space(inputs.spec.space, self._model_class.Config)
        train, valid, ood = ray.get([inputs.train, inputs.valid, inputs.ood])
        self._rows, self._ood = RowsOfTrials(train, valid, inputs.source), as_rows(ood)
        self._about_data: Mapping[str, object] | None = None

    def train(self, number: int, token: str) -> None:
        """Runs trial ``number`` to its end, or until it is paused or the search stops.

        A trial's own error ends the trial. Among several workers it is raised as well, unless all met it before the
        first step: their process group cannot be trusted any more and has to start again. Raises PeerLost if another
        worker is gone; the trial then goes on in its next attempt.
        """
        self._signs = Signs(self._spec.name, number)
        start: Start | None = ray.get(self._signs.on(self._referee.start, "starts").remote(number, token))
        self._compare(start)
        if start is None:
            return
        with giving_up(self._referee):
            self._rows.check()
        with self._silence_limited(), self._signs:
            self._signs.show("builds its networks")
            training = self._build(start)
            if training is not None:
                self._run(start, training)

    def _compare(self, start: Start | None) -> None:
        """Waits until every worker has its start, so that none is late for a trial that another has already ended.

        Raises PeerLost if their starts differ, as when the referee died in between and gave out another attempt: a
        worker whose attempt is no longer the trial's would train for nobody.
        """
        if self._workers is None:
            return
        from ..training.averaging import PeerLost

        attempt = 0 if start is None else start.trial.attempt
        if not self._workers.all_agree(self._workers.follow(attempt) == attempt):
            raise PeerLost("the workers were given different attempts of their trial; it goes on in its next attempt")

    def _build(self, start: Start) -> TrialTraining | None:
        """The trial ready to train; None if it cannot be built, which is then its end."""
        from ..training.loop import TrialTraining

        trial, spec, training = start.trial, self._spec, None
        try:
            config = self._space.config(trial.params)
            rows = self._rows.take(self._space.data_options(trial.params))
            self._about_data = rows.about
            training = TrialTraining(
                self._model_class,
                config,
                rows.train,
                rows.valid,
                trial=trial,
                objective=spec.objective,
                ood=self._ood,
                device=self._device,
                workers=self._workers,
                sync_batchnorm=spec.sync_batchnorm,
                precision=spec.precision,
                compiled=spec.compile,
            )
            if start.checkpoint is not None:
                training.restore(start.checkpoint)
        except Exception as error:  # any error of a model's or of torch's: this trial's end, not the search's
            training = None
            self._fail(start, error)
            self._check_device()
        if self._workers is not None and not self._workers.all_agree(training is not None):
            return None
        return training

    def _run(self, start: Start, training: TrialTraining) -> None:
        try:
            self._run_epochs(start, training)
        except Exception as error:
            if _is_peer_lost(error):
                raise
            self._fail(start, error, training.epoch_rows())
            self._check_device()
            if self._workers is not None:
                raise

    def _run_epochs(self, start: Start, training: TrialTraining) -> None:
        trial = start.trial
        if training.is_exhausted:
            # Everything was trained before the last search died; only the end was not reported.
            if self._leads:
                packed = training.weights(self._about_data)
                report = self._signs.on(self._referee.report, "ends")
                ray.get(report.remote(training.epoch_rows(), last=True, weights=packed))
            return
        # What its checkpoint knows and the ledger may not: the referee that was told may have died before its commit.
        untold = [row for row in training.epoch_rows() if row.epoch > start.durable]
        saved = time.monotonic()
        while True:
            self._signs.show("trains", training.epoch + 1)
            row = training.run_epoch()
            self._rearm()
            last = training.is_exhausted
            verdict, checkpoint = Verdict.GO_ON, None
            if self._leads:
                untold.append(row)
                if not last and time.monotonic() - saved >= self._spec.checkpoint_s:
                    checkpoint, saved = training.save(), time.monotonic()
                kept = {"weights": training.weights(self._about_data)} if last else {"checkpoint": checkpoint}
                report = self._signs.on(self._referee.report, "ends" if last else "reports", row.epoch)
                answer: Answer = ray.get(report.remote(untold, last=last, **kept))
                verdict = answer.verdict
                untold = [row for row in untold if row.epoch > answer.durable]
            if self._workers is not None:
                verdict = _VERDICTS[self._workers.follow(_VERDICTS.index(verdict))]
            if last or verdict in (Verdict.PRUNED, Verdict.DIVERGED, Verdict.COLLAPSED):
                return
            if verdict in (Verdict.STOP, Verdict.PAUSE):
                if self._leads:
                    packed = checkpoint or training.save()
                    leave = self._signs.on(self._referee.leave, "is left")
                    ray.get(leave.remote(trial.number, trial.attempt, packed))
                return

    def _check_device(self) -> None:
        """Raises whatever a GPU still raises after a trial's error.

        Some errors (an assertion on the device, an illegal access) end its context: every trial after them would fail
        within a second, so this process has to go and its slot starts anew.
        """
        import torch

        if torch.device(self._device).type == "cuda":
            torch.cuda.synchronize(self._device)

    def _fail(self, start: Start, error: Exception, rows: Sequence[EpochRow] = ()) -> None:
        if isinstance(error, Infeasible):
            outcome, text = Outcome.INFEASIBLE, str(error)
        else:
            outcome = Outcome.OUT_OF_MEMORY if is_out_of_memory(error) else Outcome.CRASHED
            text = "".join(traceback.format_exception(error))
        ray.get(self._referee.fail.remote(start.trial.number, start.trial.attempt, outcome, text, rows=rows))

    @contextmanager
    def _silence_limited(self) -> Iterator[None]:
        """Ends this process if an epoch inside takes longer than the silence limit, with its stack in the log.

        The timer is a C thread's, so it also ends a process that is stuck in a call holding Python's lock.
        """
        self._rearm()
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _rearm(self) -> None:
        faulthandler.dump_traceback_later(self._spec.silence_limit_s, exit=True)


@contextmanager
def giving_up(referee: RefereeHandle) -> Iterator[None]:
    """An error inside ends the search with its text: every other trial would meet it as well."""
    try:
        yield
    except Exception as error:
        known = isinstance(error, SparringError)
        ray.get(referee.give_up.remote(str(error) if known else f"a worker cannot start: {error!r}"))
        raise


def is_out_of_memory(error: Exception) -> bool:
    """Does the error, by its type or its words, say that memory was wanting?"""
    import torch

    known = isinstance(error, torch.cuda.OutOfMemoryError | MemoryError)
    return known or any(words in str(error) for words in _OUT_OF_MEMORY)


def _is_peer_lost(error: Exception) -> bool:
    from ..training.averaging import PeerLost

    return isinstance(error, PeerLost)
