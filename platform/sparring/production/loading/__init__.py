"""A trained model read back, wherever the user says it lies.

place.py            what the user named
trained_folder.py   the model in a folder of ``train``
study_winner.py     the model of a study's trial
loaded.py           the model itself, ready to be asked, and what must be known beside its weights
"""
