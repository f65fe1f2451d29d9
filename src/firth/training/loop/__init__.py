"""What every objective shares: tasks and engines, the trainer, its state and checkpoints, progress and signals."""
