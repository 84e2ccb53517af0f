"""The referee: decides what runs next and what stops, and remembers everything in the ledger. Knows no Ray, no torch.

referee.py    the calls a slot and the driver make: ask, start, report, fail, leave, follow
trials.py     what becomes of a trial: begun, taken up again, paused, ended, each where it outlives the referee
running.py    one trial that has not ended; ended.py: those that have
rungs.py      who stops at a rung, as pruners.py decides it; standing.py: what trials have reached there
sampling/     the Optuna study inside, rebuilt from the ledger, and what its sampler sees
journal.py    epochs on their way into the ledger; rebuild.py: the way back
alike.py      the error that all of the first trials died of, which ends the search
events.py     what the driver has not seen yet; snapshot.py: the search as the driver shows it
stopping.py   what the calls answer once the disk refuses
"""
