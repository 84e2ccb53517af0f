"""A study brought back from its mirror, and the check whether the two may be joined. Hold the study's lock."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...errors import LedgerError, UsageError
from .. import Ledger, read_attempts, read_epochs, read_study, read_trials
from ..checkpoints import CHECKPOINTS, read_checkpoint_name
from ..disk import make_folder, publish, remove_folder, sync_folder
from ..reading import read_retrainings, read_test
from ..schema import KEYS
from ..study_json import STUDY_FILE, StudyDocument, identity_of
from ..weights import WEIGHTS
from .store import AT_ONCE, FAILURES, Store, is_sound, reason, sha256_of

_LEAVES = {"LOCK", f".{STUDY_FILE}.tmp"}
"""What a search that never began leaves in its folder."""

_SAME_ROW = {
    "trials": (read_trials, ("trial", "seq", "ended")),
    "attempts": (read_attempts, ("trial", "attempt", "seq", "started")),
    "epochs": (read_epochs, KEYS["epochs"]),
    "test": (read_test, ("look", "seq", "role", "metric")),
    "retrainings": (read_retrainings, ("trial", "seed", "seq", "ended")),
}
"""Per table, the columns that tell a row from one of the same number in another search. An epoch needs no more than its
number: if it was reported twice, the later row stays."""


def check_study(folder: Path, store: Store, identity: Mapping[str, object] | None) -> None:
    """Raises UsageError if the mirror holds another study than ``folder``, or, while there is none, than ``identity``.

    identity: what ``study.json`` has under that key; None compares only with the folder's.
    """
    held = store.sizes()
    if STUDY_FILE not in held:
        if held:
            raise UsageError(
                f"--mirror: {store.address} holds {len(held)} files of a study but no {STUDY_FILE}; "
                "remove them or choose another address"
            )
        return
    packed = store.read(STUDY_FILE)
    before = identity_of(_document(packed, store))
    local = folder / STUDY_FILE
    if local.exists():
        if local.read_bytes() != packed:
            raise UsageError(
                f"--mirror: {store.address} must hold the study of {folder}, but holds another of that name; choose "
                f"another --mirror or --name, or move {folder} away to continue from the mirror"
            )
    elif identity is not None:
        changed = [
            f"{key} was {before.get(key)!r} and is {now!r}" for key, now in identity.items() if before.get(key) != now
        ]
        if changed:
            raise UsageError(
                f"--mirror: {store.address} must hold the same search, but {'; '.join(changed)}; "
                "give this search its own --name, or choose another --mirror"
            )


def check_ahead(folder: Path, store: Store) -> None:
    """Raises UsageError if the mirror holds rows that the folder's ledger lacks, which going on would bury.

    It happens after an older copy of the folder was put back, or after two searches ran from the same beginning. Only
    parts that the folder does not have by name are read: none, or what a killed search had merged and not yet deleted.
    """
    aside = set(os.listdir(folder / "_torn")) if (folder / "_torn").exists() else set()
    beyond = [
        name
        for name in store.sizes()
        if name.partition("/")[0] in KEYS and not (folder / name).exists() and name.replace("/", "-") not in aside
    ]
    if not beyond:
        return
    with tempfile.TemporaryDirectory(prefix="sparring-mirror-") as scratch:
        there = Path(scratch)
        shutil.copy(folder / STUDY_FILE, there / STUDY_FILE)
        for name, data in store.read_many(beyond).items():
            (there / name).parent.mkdir(exist_ok=True)
            (there / name).write_bytes(data)
        lacking = []
        for table in sorted({name.partition("/")[0] for name in beyond}):
            read, keys = _SAME_ROW[table]
            columns = list(keys)
            left = (
                read(there).table.select(columns).join(read(folder).table.select(columns), columns, None, "left anti")
            )
            if left.num_rows:
                lacking.append(f"{left.num_rows} rows of {table}")
    if lacking:
        raise UsageError(
            f"--mirror: {store.address} holds {' and '.join(lacking)} that {folder} lacks; move {folder} away to "
            "continue from the mirror, or choose another --mirror"
        )


def seed(folder: Path, store: Store) -> tuple[str, ...] | None:
    """Brings the mirror's study to ``folder``, which holds none; None if the mirror holds none either.

    Everything is fetched into a hidden folder beside it, verified, synced, and renamed at the end: killed anywhere, it
    leaves no study. A LOCK that the caller holds stays held. Returns what came back damaged and was set aside.
    Raises UsageError if the mirror cannot be read or ``folder`` holds something else.
    """
    strays = sorted(set(os.listdir(folder)) - _LEAVES) if folder.exists() else []
    fetched = folder.with_name(f".{folder.name}.seed")
    try:
        names = store.sizes().keys()
        if STUDY_FILE not in names:
            return None
        if strays:
            raise UsageError(
                f"{folder}: a study comes back into an empty folder, but this one has {', '.join(strays)} and no "
                f"{STUDY_FILE}; move it away"
            )
        study = store.read(STUDY_FILE)
        document = _document(study, store)
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_folder(fetched)
        torn = _fetch(names - {STUDY_FILE}, fetched, store)
    except FAILURES as error:
        remove_folder(fetched)
        raise UsageError(
            f"--mirror: {store.address}: the study could not be brought back: {reason(error)}; mend that and run the "
            "same command again"
        ) from error
    with Ledger(fetched, kinds=document["kinds"], metrics=document["metrics"], wait_s=0.0) as ledger:
        ledger.compact()  # parts that a merger had replaced may be there too: foreign readers would count rows twice
        torn += ledger.torn
    publish(study, fetched / STUDY_FILE)
    _drop_ended(fetched)
    _move_in(fetched, folder)
    return tuple(
        f"{store.address}/{text}: set aside in {folder / '_torn'}; what no other file holds is trained again"
        for text in torn
    )


def _fetch(names: Iterable[str], folder: Path, store: Store) -> tuple[str, ...]:
    """Writes the files durably; checkpoints and weights without their checksum go to ``_torn/`` and are named."""
    for needed in (folder, *(folder / name for name in (*KEYS, CHECKPOINTS, WEIGHTS))):
        make_folder(needed)

    def fetch(name: str) -> str | None:
        data = store.read(name)
        if sha256_of(name) is None or is_sound(name, data):
            publish(data, folder / name)
            return None
        aside = folder / "_torn"
        aside.mkdir(exist_ok=True)
        publish(data, aside / name.replace("/", "-"))
        return f"{name}: its {len(data)} bytes do not have the checksum in its name"

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(text for text in pool.map(fetch, sorted(names)) if text is not None)


def _drop_ended(folder: Path) -> None:
    """Checkpoints whose trial ended after their last deletion reached the mirror."""
    ended = set(read_trials(folder).table["trial"].to_pylist())
    for path in (folder / CHECKPOINTS).glob("*.safetensors"):
        known = read_checkpoint_name(f"{CHECKPOINTS}/{path.name}")
        if known is not None and known.trial in ended:
            path.unlink()


def _move_in(fetched: Path, folder: Path) -> None:
    """The fetched folder under its final name, with the very LOCK that stood there."""
    if folder.exists():
        if (folder / "LOCK").exists():
            os.link(folder / "LOCK", fetched / "LOCK")
        shutil.rmtree(folder)
    sync_folder(fetched)
    os.rename(fetched, folder)
    sync_folder(folder.parent)


def _document(packed: bytes, store: Store) -> StudyDocument:
    with tempfile.TemporaryDirectory(prefix="sparring-mirror-") as scratch:
        Path(scratch, STUDY_FILE).write_bytes(packed)
        try:
            return read_study(scratch)
        except LedgerError as error:
            complaint = str(error).replace(f"{scratch}/", "")
            raise UsageError(f"--mirror: {store.address}: {complaint}") from error
