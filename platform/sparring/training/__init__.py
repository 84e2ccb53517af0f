"""The training loop and what it takes: phases, noise, batches, optimizers, checkpoints of a training."""
