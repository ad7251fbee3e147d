"""Scores of predicted masks against the truth."""
