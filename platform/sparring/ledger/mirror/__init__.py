"""``--mirror ADDRESS``: a second copy of a study on any file system pyarrow opens, for when the head is lost.

    ADDRESS/<study>/study.json, trials/, attempts/, epochs/, test/, retrainings/, checkpoints/, weights/

as in ``results/<study>/``, and while a search is copied ``owner.json``, which names it: one search at a time.

What is mirrored never changes once it has a name, so copying is listing both sides and sending what is missing: the
ledger's parts in the order of their commitment, then checkpoints. A file leaves the mirror only when its successor is
there: a part when a merged part of a greater sequence number is, a checkpoint when a later one of its trial is or the
trial's end. A folder that vanishes under the search therefore takes nothing out of the mirror.

Not mirrored: TensorBoard's event files, which are appended to and are rebuilt from the ledger; locks; what is torn.
"""

from __future__ import annotations

from .mirror import Mirror

__all__ = ["Mirror"]
