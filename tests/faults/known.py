"""What can go wrong in any schedule today, for a reason that is known: --short does not count it, everything else does.

{how the failure begins: why}. Whoever mends the reason removes the line."""

EVERYWHERE = {"the position of": "answers are given while a started server still catches up with the end of its log"}


def counted(failures, short):
    """The failures that count."""
    if not short:
        return failures
    return [failure for failure in failures if not failure.startswith(tuple(EVERYWHERE))]
