"""A pond with two koi, painted and scored by arithmetic alone: the project's demo clip.

Units: a world pixel is a pixel of the finished 854x480 picture; pictures are painted ``SUPERSAMPLING`` times finer.
Colours are linear light, RGB, 0..1, until the camera develops them.
"""
