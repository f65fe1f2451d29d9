"""Training on several machines: members that share text and rows, and give the same bytes as one process."""
