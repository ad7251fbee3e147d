"""Video and images in and out: the only package that imports PyAV."""
