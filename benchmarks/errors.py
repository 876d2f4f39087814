"""What can go wrong in a measurement."""


class BenchError(Exception):
    """A step could not be measured; the message says why, in one line."""
