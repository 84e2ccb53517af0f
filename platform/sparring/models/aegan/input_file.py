"""Reads XANESNET's input files for the AEGAN, as published, into values of our Config.

Three forms are understood: the ``hyperparams:`` block of the documentation (2023), bare or inside a whole input file,
and the input file of 2025 with its ``model.params``. What a file asks for is translated, or refused by name, or passed
over where it switches off something that is not here; nothing is guessed.

YAML is read as data only: no tags, anchors, aliases, merges or repeated keys, at most 1 MB and 20 levels.
"""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MantissaNoDotYAML1_1Warning, YAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent, Event, ScalarEvent

from ...errors import ConfigError

MAX_BYTES = 1_000_000
MAX_DEPTH = 20


@dataclass(frozen=True, kw_only=True)
class Published:
    """What one input file asks for."""

    values: Mapping[str, object]
    """By field of the AEGAN's Config; fields that the file leaves open are absent."""
    seed: int | None = None
    split: str | None = None
    """``75/15/10`` with model_eval, else ``80/20``; None if the file does not say."""
    data_options: Mapping[str, object] = field(default_factory=dict)
    """Options of the reader of structures and spectra, such as r_max."""


_LOSS = ("hyperparams.loss_gen", "hyperparams.loss_dis")

# Published key -> field of Config; two fields where the published value is a list of [generator, discriminator].
_FIELDS: dict[str, tuple[str, ...]] = {
    **{f"hyperparams.{name}": (name,) for name in (
        "batch_size", "epochs", "n_hl_gen", "n_hl_shared", "n_hl_dis", "hidden_size", "activation", "dropout", "lr_gen",
        "lr_dis", "optim_fn_gen", "optim_fn_dis", "weight_init_seed", "kernel_init", "bias_init",
    )},
    **{f"{block}.{key}": (f"{block[12:]}{suffix}",) for block in _LOSS for key, suffix in (
        ("loss_fn", ""), ("loss_reg_type", "_reg_type"), ("loss_reg_param", "_reg_param"),
    )},
    "epochs": ("epochs",),
    "fourier_transform": ("fourier",),
    "dataset.params.fourier": ("fourier",),
    "hyperparams.weight_seed": ("weight_init_seed",),
    "hyperparams.lr": ("lr_gen", "lr_dis"),
    "hyperparams.optim_fn": ("optim_fn_gen", "optim_fn_dis"),
    "hyperparams.loss": ("loss_gen", "loss_dis"),
    "hyperparams.loss_reg": ("loss_gen_reg_type", "loss_dis_reg_type"),
    "hyperparams.loss_lambda": ("loss_gen_reg_param", "loss_dis_reg_param"),
    "model.params.hidden_size": ("hidden_size",),
    "model.params.activation": ("activation",),
    "model.params.dropout": ("dropout",),
    "model.params.num_hidden_layers_gen": ("n_hl_gen",),
    "model.params.num_hidden_layers_shared": ("n_hl_shared",),
    "model.params.num_hidden_layers_dis": ("n_hl_dis",),
    **{f"model.{block}.{key}": (name,) for block in ("weights", "weight") for key, name in (
        ("kernel", "kernel_init"), ("bias", "bias_init"), ("seed", "weight_init_seed"),
    )},
}  # fmt: skip

_SCHEDULE_PARAMS = ("lr_scheduler.scheduler_param", "scheduler_params")
_SCHEDULE = {
    "step_size": "schedule_step_size",
    "milestones": "schedule_milestones",
    "gamma": "schedule_gamma",
    "start_factor": "schedule_factor",
    "factor": "schedule_factor",
    "total_iters": "schedule_iters",
}

_DATA = {
    **{f"descriptor.params.{name}": name for name in ("r_min", "r_max", "n_g2", "n_g4")},
}

_SWITCHES = {
    "load_guess": "give the weights, .pth or .safetensors, in the field pretrained, and what to keep in freeze",
    "bootstrap": "set it to False; `sparring train best.toml --bootstrap 3` does it for the winner",
    "ensemble": "set it to False; `sparring train best.toml --ensemble 3` does it for the winner",
    "kfold": "set it to False; `sparring train best.toml --kfold 5` does it for the winner",
    "data_params": "set it to False; the field input_noise adds noise to the inputs",
    "optuna_params.tune": "set it to False; what to search stands in the search space",
    "standard_scaler": "set the fields input_scaling and target_scaling to standard",
    "variance_threshold": "set it to 0: all descriptor features are kept",
    "dataset.params.gaussian": "set it to False",
    "dataset.params.fourier_concat": "set it to False; fourier is there",
}

_PASSED_OVER = (
    "loadguess_params", "bootstrap_params", "ensemble_params", "kfold_params", "augment", "optuna_params",
    "x_path", "y_path", "dataset.xyz_path", "dataset.xanes_path",
    "dataset.type", "dataset.root_path", "dataset.params.preload",
)  # fmt: skip

_OTHER = (
    "hyperparams.model", "model.type", "descriptor.type", "seed", "hyperparams.seed", "model_eval",
    "hyperparams.model_eval", *(f"{block}.loss_args" for block in _LOSS),
    "lr_scheduler", "lr_scheduler.scheduler", "lr_scheduler.scheduler_type", "scheduler_params.type",
    *(f"{part}.{key}" for part in _SCHEDULE_PARAMS for key in _SCHEDULE),
)  # fmt: skip

_KNOWN = {*_FIELDS, *_DATA, *_SWITCHES, *_PASSED_OVER, *_OTHER}
_SECTIONS = {key[:dot] for key in _KNOWN for dot in (match.start() for match in re.finditer(r"\.", key))}


def read_published(path: Path) -> Published:
    """Translates one input file. Raises ConfigError: where, the rule, what was got, the way out."""
    document = _read_yaml(path)
    if "hyperparams" not in document:
        document = {"hyperparams": document}
    descriptors = document.pop("descriptors", None)
    if descriptors is not None:
        if not isinstance(descriptors, list) or len(descriptors) != 1 or "descriptor" in document:
            raise ConfigError(f"{path}: descriptors: one descriptor is used, but got {descriptors!r}; list wacsf alone")
        (document["descriptor"],) = descriptors

    asked = dict(_leaves(path, document))
    values: dict[str, object] = {}
    for key, names in _FIELDS.items():
        for name, value in _fields(path, key, names, asked[key]).items() if key in asked else ():
            if values.setdefault(name, value) != value:
                raise ConfigError(f"{path}: {key}: {name} is given twice, as {values[name]!r} and {value!r}; drop one")
    values |= _schedule(path, asked)
    for key, advice in _SWITCHES.items():
        if asked.get(key):
            raise ConfigError(f"{path}: {key}: must be off, but got {asked[key]!r}; {advice}")
    for key in ("hyperparams.model", "model.type"):
        _require(path, asked, key, "aegan", "aegan_mlp")
    _require(path, asked, "descriptor.type", "wacsf")
    for key in ("model_eval", "hyperparams.model_eval"):
        _require(path, asked, key, True, False)
    seed = asked.get("seed", asked.get("hyperparams.seed"))
    if seed is not None and type(seed) is not int:
        raise ConfigError(f"{path}: seed: must be a whole number, but got {seed!r}")
    for block in _LOSS:
        width = asked.get(f"{block}.loss_args")
        if width is None:
            continue
        if block != _LOSS[0] or values.get("loss_gen") != "wcc":
            raise ConfigError(
                f"{path}: {block}.loss_args: read by the loss wcc alone, but got {width!r}; set it to null"
            )
        values["wcc_width"] = width
    evaluates = asked.get("model_eval", asked.get("hyperparams.model_eval"))
    return Published(
        values=values,
        seed=seed,
        split=None if evaluates is None else "75/15/10" if evaluates else "80/20",
        data_options={name: asked[key] for key, name in _DATA.items() if asked.get(key) is not None},
    )


def _leaves(path: Path, section: Mapping[object, object], above: str = "") -> Iterator[tuple[str, object]]:
    """Dotted key and value of everything a known key may say; refuses unknown keys."""
    for name, value in section.items():
        if not isinstance(name, str):
            raise ConfigError(f"{path}: {above}{name}: a key must be text, but got {name!r}; write it in quotes")
        key = f"{above}{name}"
        if key in _SECTIONS and isinstance(value, Mapping):
            yield from _leaves(path, value, f"{key}.")
        elif key in _KNOWN:
            yield key, value
        elif not (any(key.startswith(f"{part}.") for part in _PASSED_OVER) or (key in _SECTIONS and value is None)):
            near = difflib.get_close_matches(key, _KNOWN | _SECTIONS, n=1, cutoff=0.0)[0]
            raise ConfigError(f"{path}: {key}: no such key in an AEGAN's published input; did you mean {near}?")


def _fields(path: Path, key: str, names: tuple[str, ...], value: object) -> dict[str, object]:
    """The fields that one published key sets; none for a value that leaves a field at its default."""
    parts = [value] if len(names) == 1 else value
    if not isinstance(parts, list) or len(parts) != len(names):
        raise ConfigError(f"{path}: {key}: a list of [generator, discriminator] is needed, but got {value!r}")
    translated = {name: _translate(name, part) for name, part in zip(names, parts, strict=True)}
    return {name: part for name, part in translated.items() if part is not None}


def _translate(name: str, value: object) -> object:
    """One value in our spelling; None leaves the field at its default."""
    if name.endswith("_reg_type"):
        return "none" if value in (None, "None", "none") else str(value).upper()
    if isinstance(value, str) and not name.startswith("optim_fn"):
        return value.lower()
    return value


def _schedule(path: Path, asked: Mapping[str, object]) -> dict[str, object]:
    if "lr_scheduler" not in asked and "lr_scheduler.scheduler" not in asked:
        return {}
    if not asked.get("lr_scheduler.scheduler", asked.get("lr_scheduler")):
        return {"lr_schedule": "none"}
    schedule = asked.get("lr_scheduler.scheduler_type", asked.get("scheduler_params.type"))
    if schedule is None:
        raise ConfigError(f"{path}: lr_scheduler: it is on, but got no type; name one, such as step, or switch it off")
    values: dict[str, object] = {"lr_schedule": str(schedule).lower()}
    for part in _SCHEDULE_PARAMS:
        values |= {name: asked[f"{part}.{key}"] for key, name in _SCHEDULE.items() if f"{part}.{key}" in asked}
    return values


def _require(path: Path, asked: Mapping[str, object], key: str, *allowed: object) -> None:
    if key in asked and asked[key] not in allowed:
        raise ConfigError(f"{path}: {key}: must be {' or '.join(map(str, allowed))}, but got {asked[key]!r}")


# -- YAML, as data only -----------------------------------------------------------------------------------------------


def _read_yaml(path: Path) -> dict[object, object]:
    # XANESNET reads its files as YAML 1.1, in which off is False; 1e-3 is a number here, as in YAML 1.2.
    reader = YAML(typ="safe", pure=True)
    reader.version = "1.1"
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"{path}: an input file has at most {MAX_BYTES} bytes; is it the right file?")
        text = raw.decode("utf-8")
        _check_events(path, reader.parse(text))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MantissaNoDotYAML1_1Warning)
            document = reader.load(text)
    except FileNotFoundError as error:
        raise ConfigError(f"--config {path}: no such file; give a published configuration, a .yaml") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: must be UTF-8 text, but byte {error.start} is not; save it as UTF-8") from error
    except (YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise ConfigError(f"{path}: {line}must be YAML, but {problem}") from error
    if not isinstance(document, dict) or not document:
        shown = document if len(str(document)) <= 60 else f"{str(document)[:60]}…"
        raise ConfigError(f"{path}: must hold keys and values such as 'batch_size: 64', but got {shown!r}")
    return document


def _check_events(path: Path, events: Iterator[Event]) -> None:
    """Refuses what plain data does not need: anchors, aliases, merges, tags and more than ``MAX_DEPTH`` levels."""
    depth = 0
    for event in events:
        line = f"{path}: line {event.start_mark.line + 1 if event.start_mark else '?'}:"
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor:
            raise ConfigError(f"{line} anchors and aliases are not read, but got {anchor!r}; write the value out")
        if tag:
            raise ConfigError(f"{line} tags are not read, but got {tag!r}; leave it out")
        if isinstance(event, ScalarEvent) and event.value == "<<":
            raise ConfigError(f"{line} merges are not read, but got '<<'; write the values out")
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConfigError(f"{line} at most {MAX_DEPTH} levels are read; is it the right file?")
