"""The referee: decides what runs next and what stops, and remembers everything in the ledger. Knows no Ray, no torch.

referee.py    the calls a slot and the driver make: ask, start, report, fail, leave, follow
running.py    one trial that has not ended; ended.py: those that have
rungs.py      who stops at a rung, as pruners.py decides it
sampling/     the Optuna study inside, told the truth and rebuilt from the ledger, and what its sampler sees
journal.py    epochs on their way into the ledger; rebuild.py: the way back
events.py     what the driver has not seen yet; snapshot.py: the search as it sees it
stopping.py   what it does once the disk refuses
"""
