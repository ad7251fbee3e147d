"""Training data: where frames and masks lie, and clips sampled from them."""
