"""The loop around an objective: tasks, epochs, state, checkpoints, progress, signals."""
