"""A trained model's answers: samples read, asked, written, and scored.

commands.py   what each verb does, from the request to the sentence on the console
samples.py    the samples a verb works on
answers.py    one model's answers, and the files they become
ensemble.py   one model or several members, asked together
outliers.py   scores of an out-of-distribution set beside the model's own
controls.py   whether a prediction depends on its input
novelty.py    which samples lie far from those that trained the model
likeness.py   how like generated samples are to held-out ones
*_files.py    what answers and likeness become in a folder
"""
