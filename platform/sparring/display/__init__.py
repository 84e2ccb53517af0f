"""What the search shows while it runs and when it ends: a live view in a terminal, quiet lines everywhere else.

Knows no Ray and no ledger: it draws ``Snapshot`` and ``TrialRow`` values. A terminal gets one panel that is redrawn in
place (14 lines and 80 columns suffice for most); a pipe or a log file gets a line per finished trial, or in large
studies a line every few seconds, without a single escape code; a notebook a table that is rewritten in place.
"""

from __future__ import annotations

from .held_out import against, looks_sentence, show_interval, winner_sentence
from .live import LiveView
from .notebook import open_view
from .race_view import RaceView
from .stages import Say, progress_of, saying, unsaid
from .summary import comparison_table, front_sentence, print_listing, print_summary
from .words import COLOURS, SAME, clean, clock, compare, foretell, last_words, name_trial, nearby, show, title

__all__ = [
    "COLOURS",
    "SAME",
    "LiveView",
    "RaceView",
    "Say",
    "against",
    "clean",
    "clock",
    "compare",
    "comparison_table",
    "foretell",
    "front_sentence",
    "last_words",
    "looks_sentence",
    "name_trial",
    "nearby",
    "open_view",
    "print_listing",
    "print_summary",
    "progress_of",
    "saying",
    "show",
    "show_interval",
    "title",
    "unsaid",
    "winner_sentence",
]
