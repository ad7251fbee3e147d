"""Masks in: what a picture means, for one frame or many."""
