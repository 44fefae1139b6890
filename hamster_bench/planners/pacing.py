"""At most so many requests a minute to one address, over all processes of a user."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time

from hamster_bench.cache import cache_directory

# A reservation farther ahead than this comes from a clock that was set back, not from a queue.
_FARTHEST = 3600.0


def reserve(address: str, per_minute: float) -> float:
    """Reserves the next free moment for a request to an address.

    Args:
        address: whatever names the server.
        per_minute: requests allowed a minute, evenly spaced; 0 for no limit.

    Returns:
        Seconds to wait until then. Where the cache directory cannot be written processes do not know of each other; every request then
        waits for its whole interval.
    """
    if per_minute <= 0.0:
        return 0.0
    interval = 60.0 / per_minute
    try:
        file = cache_directory() / "planner_pace" / hashlib.sha256(address.encode()).hexdigest()[:16]
        file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        return interval
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        now = time.time()
        free = now
        with contextlib.suppress(ValueError):
            free = float(os.pread(handle, 64, 0))
        moment = free if now < free < now + _FARTHEST else now
        os.ftruncate(handle, 0)
        os.pwrite(handle, repr(moment + interval).encode(), 0)
        return moment - now
    finally:
        os.close(handle)
