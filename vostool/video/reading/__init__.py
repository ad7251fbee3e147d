"""Frames in: files and folders of images, forward, backward and in parts."""
