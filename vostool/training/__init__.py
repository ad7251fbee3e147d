"""Training: recipes, the unrolled clip, losses and checkpoints."""
