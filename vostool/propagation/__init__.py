"""Video-level inference: no files and no printing."""
