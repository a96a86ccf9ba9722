"""The files that imports read: a module for each format, with a function `read`."""
