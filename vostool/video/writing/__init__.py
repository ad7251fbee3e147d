"""Results out: what a picture of each kind shows, how it is coded, and how a file becomes whole."""
