"""What every model promises the engine, asked of one: ``sparring models check`` and the tests ask the same.

subject.py    a model with rows and a configuration, as the questions need it
passes.py     phases run once, under noise that depends on nothing
broken.py     what a question raises when the answer is no
promises.py   what a model says of itself, and whether it keeps to it
training.py   training: it learns, the same seed gives the same bits, a checkpoint resumes, two workers are one
checks.py     all of them, by name and in order
"""
