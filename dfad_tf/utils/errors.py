"""The one exception that a user's mistake raises."""


class InputError(ValueError):
    """A mistake in what the user supplied: what was expected, and what was received.

    Library code names its own arguments, in backticks: "Expected `every` to be …". A command
    replaces each of them by the flag that it came from, prints the message as a single line
    and exits with status 2. Any other exception is a defect and keeps its traceback.
    """
