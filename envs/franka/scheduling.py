"""Real-time priority where a robot needs it, and nowhere else.

The library raises the thread that connects to the highest real-time priority it can get, whatever it was configured to, and the thread
that it makes for a motion inherits the priority of whoever starts it. Left alone, everything the program starts after connecting would run
at that priority, inference of a policy included, which could then hold up the motion itself.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def priority_kept() -> Iterator[None]:
    """The calling thread has the scheduling afterwards that it had before."""
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, parameters)


@contextlib.contextmanager
def highest_priority() -> Iterator[None]:
    """Threads that are started inside run before all others, where the system allows it; the calling one only while it is inside."""
    with priority_kept():
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(os.sched_get_priority_max(os.SCHED_FIFO)))
        yield
