"""The one exception that a user's mistake raises."""


class InputError(ValueError):
    """A mistake in what the user gave: one sentence with what was expected and received.

    Command-line modules print it as a single line and exit with status 2;
    everything else that is raised is a defect and keeps its traceback.
    """
