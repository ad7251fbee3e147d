"""Building blocks that networks are made of."""
