"""A model on its way from a study into production: the bundle, the checks it must pass, and the promotion itself.

promotion.py     ``sparring promote``, from the study to the switch
candidate.py     the model that a study offers, its data, and what it is compared with; refit.py trains it anew
bundle.py        the bundle: made as files, read back from files alone
manifest.py      the checksum of every file, written last
schema.py        inputs and outputs: names, order, shapes, dtypes, units, axes, columns
card.py          the model card, for machines and for people
asking.py        a bundle that answers; guard.py refuses what it must not be asked; streaming.py asks about files
exporting.py     programs of other kinds, compared with the model: torch.export, ONNX, AOTInductor
operators.py     operators that ONNX lacks, in ones that it has
checks.py        the eleven checks; each is a function of the evidence
evidence.py      what the checks look at, gathered once
fresh.py         the bundle alone in a fresh process: loading, parity, hostile inputs, latency, memory
fresh_process.py that process, which begins early and imports meanwhile
hostile.py       the inputs that nobody should send
scoring.py       figures by blocks of rows, their intervals, and the paired comparison of two models
drift.py         how the columns of held-out rows lie within those of the training rows
"""
