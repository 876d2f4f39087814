"""Errors a user can mend: one line that says what is wrong, where, and what to do."""


class UserError(Exception):
    """A mistake or a missing thing that the user can mend.

    The command line prints the message as one line on standard error and exits with
    ``exit_code``; no stack trace is shown.
    """

    exit_code = 2


class ServerError(UserError):
    """The local Spark server cannot be started, reached or stopped."""

    exit_code = 3


class RunFailedError(UserError):
    """The pipeline ran and something in it failed; the message names it."""

    exit_code = 1
