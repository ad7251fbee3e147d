"""Known weights, where their files lie, and loading them safely."""
