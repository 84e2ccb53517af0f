"""The file of a page: checked before anything is read, and written."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError


def check_page(page: Path | None) -> None:
    """Raises UsageError for a name that is not HTML's, or a folder that is not there."""
    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--page: the page is HTML, but got {str(page)!r}; choose a name that ends in .html")
    check_folder("--page", page)


def check_folder(flag: str, path: Path | None) -> None:
    """Raises UsageError if the file that ``flag`` names would lie in no folder."""
    if path is not None and not path.absolute().parent.is_dir():
        raise UsageError(f"{flag}: {path.absolute().parent} is no folder; make it, or write somewhere else")


def write_page(page: Path, text: str) -> None:
    """Raises UsageError if it cannot be written."""
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--page: {page} cannot be written: {error.strerror}; write somewhere else") from error
