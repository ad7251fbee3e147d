"""Whole jobs: frozen options in, a report out, progress by callback."""
