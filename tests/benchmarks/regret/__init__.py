"""How good a search is, without training: real learning curves replayed under every strategy.

bank.py            makes the bank: whole trainings of the shipped spaces, one Parquet file per system
configurations.py  which configurations it trains, in which order
bank_files.py      its files: a part per training, merged into one file per system

All run from `tests/`: `cd tests && python -m benchmarks.regret.bank --help`. None of it is installed.
"""
