"""Follow the objects of one mask through a video of any length, in constant memory."""

__version__ = "0.1.0"
