"""Colour between numbers of a stream, of a file and of a screen."""
