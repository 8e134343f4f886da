"""The error that says that parity was left. It imports nothing, so that every pytest run can know it."""


class ParityError(AssertionError):
    """An implementation left parity; the message tells every mismatch."""
