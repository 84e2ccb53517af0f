"""The referee: decides what runs next and what stops, and remembers everything in the ledger. Knows no Ray, no torch.

referee.py   the calls a slot and the driver make: ask, start, report, fail, leave, follow
live.py      one trial that has not ended
study.py     the Optuna study inside, told the truth and rebuilt from the ledger
pruners.py   who stops at a rung
"""
