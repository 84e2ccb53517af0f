"""Everything that is installed with the package has a licence that lets anybody use, change and sell it."""

from __future__ import annotations

import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement

OPEN = re.compile(
    r"apache|\bmit\b|mit-|\bbsd\b|[0-3]-clause|python software foundation|\bpsf\b|mozilla public|"
    r"\bmpl\b|\bisc\b|\bzlib\b|unlicense"
)
"""Words of permissive licences, and of Mozilla's, which binds changes to its own files alone."""

BINDING = re.compile(r"\b(a?gpl|gnu (affero )?general public|sspl|busl|commons clause|non-?commercial|cc-by-nc)")
"""Words of those that would bind what is built on us. Of a choice (OR) one may be taken; none of ours has such."""

OWN_TERMS = re.compile(r"^(nvidia-|cuda-)")
"""A CUDA build of torch brings NVIDIA's libraries, under NVIDIA's terms; a build for CPUs has none of them."""


def requirements(name: str, extras: frozenset[str], found: dict[str, metadata.Distribution]) -> None:
    """Adds a distribution and all that it requires here to ``found``."""
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in found and not extras:
        return
    found[key] = distribution
    for line in distribution.requires or ():
        needed = Requirement(line)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras | {""}):
            known = re.sub(r"[-_.]+", "-", needed.name).lower() in found
            if not known:
                requirements(needed.name, frozenset(needed.extras), found)


def licence_of(distribution: metadata.Distribution) -> str:
    """All that its metadata say of its licence, in small letters; of a whole text the beginning."""
    about = distribution.metadata
    classes = [each for each in about.get_all("Classifier") or () if each.startswith("License")]
    return " ".join([about.get("License-Expression") or "", (about.get("License") or "")[:200], *classes]).lower()


def complaint(licence: str) -> str:
    if BINDING.search(licence):
        return "binds what is built on it"
    return "" if OPEN.search(licence) else "is none that is known to be open"


def test_whatever_is_installed_with_the_package_is_open():
    found: dict[str, metadata.Distribution] = {}
    requirements("sparring", frozenset(), found)
    assert len(found) > 50
    told = {name: licence_of(each) for name, each in sorted(found.items()) if not OWN_TERMS.match(name)}
    assert {name: f"{words}: {told[name]}" for name in told if (words := complaint(told[name]))} == {}


@pytest.mark.parametrize(
    ("licence", "is_fine"),
    [
        ("mit", True),
        ("bsd-3-clause and 0bsd", True),
        ("license :: osi approved :: apache software license", True),
        ("license :: osi approved :: gnu general public license v3 (gplv3)", False),
        ("agpl-3.0-only", False),
        ("lgpl-2.1", False),
        ("cc-by-nc-4.0", False),
        ("", False),
        ("see the file", False),
    ],
)
def test_a_licence_that_binds_and_one_that_is_not_said_are_seen(licence, is_fine):
    assert (complaint(licence) == "") is is_fine
