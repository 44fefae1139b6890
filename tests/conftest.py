"""What holds for every test."""

from __future__ import annotations

import os
import signal

import hypothesis

# One software-rendering thread a process: tests run side by side.
os.environ.setdefault("LP_NUM_THREADS", "0")
# Figures are written to files, never shown.
os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples on every machine, and no verdict by wall-clock time: a loaded machine is not a defect.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would every program that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
