"""A restricted interpreter for short Python programs written by a model, in a process of its own.

Why an interpreter of our own. Libraries that run foreign Python inside Python guard the object model: they let the program touch real
objects and forbid dangerous names on the way. All of the well-known ones have been left through a name that nobody had forbidden:
asteval through ``__reduce__`` and later through format strings, RestrictedPython through generator frames and ``string.Formatter``
(CVE-2023-37271, CVE-2026-76825), smolagents' local executor through attribute paths that skipped its check (CVE-2025-5120,
CVE-2025-9959); simpleeval knows expressions only. A path needs far less than Python, so this interpreter is closed instead:

* The program is walked as a syntax tree. Nothing is ever compiled, and there is no call to ``eval`` or ``exec``.
* A value is a number, a string, a list, a tuple, a dict, a range, a numpy array of numbers, or one of the interpreter's own opaque
  objects. Attributes are looked up in tables by the value's type; ``getattr`` is never called with a name from the program.
* Every step and every element costs an operation from a budget, so a program stops at the same place on every machine. Lengths,
  integers and call depth are bounded before anything is computed.
* It runs in a fresh ``python -I`` with an empty environment, no inherited file descriptors, and limits on processor time, memory
  and file size; the limit on descriptors is zero while it runs, so that even a hole would open neither a file nor a socket.

The modules here but `process` are imported in that fresh process alone, from bare packages: `boot` says how.
"""
