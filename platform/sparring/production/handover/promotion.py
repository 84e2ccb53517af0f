"""``sparring promote``: from a study to a version in production, through the checks."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ...display import show
from ...errors import PromotionRefused, UsageError
from ...models import find_model, is_named_each_time, short_name
from ...records import safe_name
from ..registry.entries import CheckOutcome, Entry, now
from ..registry.mlflow import MLflow
from ..registry.registry import PRODUCTION, Registry
from ..registry.signing import Signer
from . import bundle, drift
from .candidate import Candidate, open_candidate
from .card import Data, ModelCard, figure_of, hardware_here, page, versions_here
from .checks import CHECKS, run
from .evidence import Evidence, Limits
from .fresh import begin
from .fresh_process import FreshProcess
from .manifest import seal
from .scoring import score

COLOURS = {"passed": "green", "warned": "yellow", "failed": "bold red", "forced": "magenta"}


@dataclass(frozen=True, kw_only=True)
class PromotionRequest:
    """What to promote, where to, and what it must keep to."""

    folder: Path
    """The study's."""
    trial: int | None = None
    """None: the best."""
    is_refit: bool = False
    """Train the pinned setting anew, on training and validation rows."""
    address: str = PRODUCTION
    name: str | None = None
    """In the registry; None: the system's."""
    reason: str | None = None
    """Why failed comparisons are overruled; None overrules none."""
    limits: Limits = field(default_factory=Limits)
    rivals: Mapping[str, float] = field(default_factory=dict)
    """Figures of methods without a search, by name."""
    sign: Path | None = None
    """A private key that signs the version."""
    mlflow: str | None = None
    """Address of an MLflow server that is told what is current."""


def promote(request: PromotionRequest, console: Console, process: FreshProcess) -> Entry:
    """Makes the bundle, prints each check as it ends, and switches if all passed or were overruled.

    process: examines the bundle; the caller has begun it and ends it.
    Raises PromotionRefused, naming the checks, if not; then nothing in production has changed. Raises UsageError before
    anything is done for a key or an MLflow server that cannot be had, SparringError if that is not told in the end.
    """
    if request.reason is not None and not request.reason.strip():
        raise UsageError(
            '--force: wants a reason, which stays in the history, such as --force "the sensor was replaced"'
        )
    signer = None if request.sign is None else Signer(request.sign)
    server = None if request.mlflow is None else MLflow(request.mlflow)
    if server is not None:
        server.check()
    candidate = open_candidate(request.folder, request.trial, is_refit=request.is_refit, console=console)
    name = safe_name(request.name or short_name(candidate.study.spec.model), "--name")
    registry = Registry(address=request.address)
    seen = registry.current(name)
    console.print(Text.assemble((name, "bold"), f" · {_title(candidate)}"), soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="sparring-promote-") as place:
        folder = Path(place) / "bundle"
        card = first_card(candidate, name, request.rivals)
        stage(candidate, folder, card)
        evidence = Evidence(
            candidate=candidate,
            folder=folder,
            name=name,
            registry=registry,
            limits=request.limits,
            rivals=request.rivals,
            begin=partial(begin, process),
        )
        outcomes = []
        for outcome in run(evidence, request.reason):
            outcomes.append(outcome)
            _print(outcome, console)
        _refuse_failed(name, outcomes)
        forced = any(outcome.outcome == "forced" for outcome in outcomes)
        reason = (request.reason or "") if forced else ""
        files = evidence.files

        def make(version: int) -> dict[str, bytes]:
            final = card.model_copy(update={"version": version, "checks": tuple(outcomes), "reason": reason})
            return seal(name, version, files | _pages(final))

        entry = registry.promote(
            name,
            make,
            seen=seen,
            sign=None if signer is None else signer.sign,
            study=candidate.study.spec.name,
            trial=candidate.pinned.row.trial,
            is_refit=candidate.is_refit,
            figure=f"{card.figure.metric} {show(card.figure.value)}",
            checks=tuple(outcomes),
            reason=reason,
        )
    model = candidate.study.spec.model
    verb = "predict" if "predict" in candidate.schema.verbs else "sample"
    _print_switch(entry, request, verb, f" --model {model}" if is_named_each_time(model) else "", console)
    if server is not None:
        console.print(server.tell(registry, name), soft_wrap=True, markup=False)
    return entry


def stage(candidate: Candidate, folder: Path, card: ModelCard) -> None:
    """The bundle as it is checked: without a version, and without the checks' outcomes on its card."""
    train = candidate.arrays("train", drift.MOST_ROWS)
    files = bundle.pack(
        candidate.source,
        candidate.pinned.raw,
        candidate.schema,
        drift.pack(train),
        **{key: text.decode() for key, text in zip(("card", "page"), _pages(card).values(), strict=True)},
    )
    bundle.write(folder, card.name, files)


def first_card(candidate: Candidate, name: str, rivals: Mapping[str, float]) -> ModelCard:
    """The card of a candidate before its checks."""
    spec, row, dataset, known = candidate.study.spec, candidate.pinned.row, candidate.study.dataset, candidate.card
    model = candidate.source.model
    part = candidate.held
    about: dict[str, object] = {}
    if part is not None:
        scored = score(candidate.source, candidate.study, part)[spec.objective.metric]
        about = {"value": scored.value, "low": scored.low, "high": scored.high, "part": part}
        about["rows"] = len(getattr(candidate.study.split, part))
    return ModelCard(
        name=name,
        version=0,
        model=spec.model,
        summary=_summary(spec.model),
        study=spec.name,
        trial=row.trial,
        is_refit=candidate.is_refit,
        figure=figure_of(
            spec.objective.metric,
            spec.objective.goal,
            searched=row.value,
            default=candidate.default,
            yardsticks=dict(rivals),
            **about,
        ),
        conclusion=candidate.pinned.claim,
        data=Data(
            name=spec.dataset,
            title=known.title,
            description=known.description,
            licence=known.licence,
            source=known.source,
            sha256=dataset.sha256,
            split=spec.split,
            rows={part: len(getattr(candidate.study.split, part)) for part in ("train", "valid", "test")},
            trained_on="train and valid" if candidate.is_refit else "train",
        ),
        values=model.config.model_dump(mode="json"),
        seed=row.seed,
        space=dict(spec.space),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        inputs={
            field.name: f"{field.meaning}; {field.unit}; {'×'.join(map(str, field.shape)) or 'a number'}, {field.dtype}"
            for field in candidate.schema.fields
        },
        versions=versions_here(),
        searched_with=candidate.document["versions"],
        hardware=hardware_here(),
        licence=f"as its data: {known.licence}",
        created=now(),
        checks=(),
    )


def _summary(model: str) -> str:
    """The first sentence of the system's own words."""
    import sys

    words = sys.modules[find_model(model).__module__].__doc__ or model
    return " ".join(words.split("\n\n")[0].split())


def _pages(card: ModelCard) -> dict[str, bytes]:
    return {
        bundle.CARD: (card.model_dump_json(indent=2) + "\n").encode(),
        bundle.CARD_PAGE: page(card).encode(),
    }


def _title(candidate: Candidate) -> str:
    spec, row = candidate.study.spec, candidate.pinned.row
    anew = ", trained anew on training and validation rows" if candidate.is_refit else ""
    return f"trial {row.trial} of {spec.name}, {spec.objective.metric} {show(row.value)}{anew}"


def _print(outcome: CheckOutcome, console: Console) -> None:
    style = COLOURS[outcome.outcome]
    head = Text.assemble(f"{outcome.number:>2} ", (f"{outcome.outcome:<7}", style), f" {outcome.name}: {outcome.words}")
    console.print(head, soft_wrap=True)
    if outcome.way_out:
        console.print(Text(f"{'':11}{outcome.way_out}", style="dim"), soft_wrap=True)


def _refuse_failed(name: str, outcomes: Sequence[CheckOutcome]) -> None:
    failed = [outcome for outcome in outcomes if outcome.outcome == "failed"]
    if not failed:
        return
    said = "; ".join(f"{outcome.name}: {outcome.words}" for outcome in failed)
    unasked = len(CHECKS) - len(outcomes)
    rest = f" ({unasked} checks after it were not asked)" if unasked else ""
    raise PromotionRefused(f"{name}: not promoted, for {len(failed)} of {len(CHECKS)} checks failed: {said}{rest}")


def _print_switch(entry: Entry, request: PromotionRequest, verb: str, own: str, console: Console) -> None:
    """verb: of the command line, that the model answers. own: the flag that names a model of the user's own."""
    place = f"{Registry(address=request.address).shown}/{entry.name}/{entry.version}"
    replaced = f", in the place of version {entry.replaced}" if entry.replaced is not None else ""
    at = "" if request.address == PRODUCTION else f" --at {request.address}"
    console.print(
        f"{entry.name} version {entry.version} is in production{replaced}: {place}", soft_wrap=True, markup=False
    )
    if entry.reason:
        console.print(Text(f"Overruled, for ever in its history: {entry.reason}", style="magenta"), soft_wrap=True)
    elif request.reason:
        console.print("--force was not needed: every comparison passed.", soft_wrap=True)
    back = f"sparring rollback {entry.name}{at}" if entry.replaced is not None else ""
    ask = f"sparring {verb} {place.removesuffix(f'/{entry.version}')}{own}" if "://" not in place else ""
    following = filter(None, [ask, f"sparring production {entry.name}{at}", back])
    console.print(f"Next: {'; '.join(following)}", soft_wrap=True, markup=False)
