"""How good a search is, without training: real learning curves replayed under every strategy.

bank.py            makes the bank: whole trainings of the shipped spaces, one Parquet file per system
configurations.py  which configurations it trains, in which order
bank_files.py      its files: a part per training, merged into one file per system
curves.py          what the bank holds of one system
forest.py          a random forest fitted to it: the curve of any configuration
slots.py           asynchronous slots over known curves; only the clock is simulated
strategies.py      rules that need nobody's code
their_code.py      Optuna's samplers and pruners and Tune's ASHA, by their own code
flat_space.py      a space as libraries want it that know no conditions
neps_code.py       NePS's PriorBand, by its own code
synetune_code.py   Syne Tune's ASHA with quantile regression, by its own code
ours.py            this project's search by its own referee, which keeps its ledger nowhere
points.py          spaces without points to try first, and with wrong ones
worlds.py          where a search gets its curves, and which strategies there are
play.py            replays them all: a line per search
ranking.py         regrets, mean ranks with critical differences, trials that others need
figures.py         tables, plots, and the rank correlation of each system's epochs

All run from `tests/`: `cd tests && python -m benchmarks.regret.bank --help`. None of it is installed.
"""
