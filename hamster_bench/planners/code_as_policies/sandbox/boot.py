"""What the fresh process runs: ``python -I boot.py SITE``, a request on standard input, a reply on standard output.

Importing ``hamster_bench.planners...`` in the ordinary way would run the ``__init__`` of every package above and bring the whole
project into a process that runs foreign code. Bare packages, which know nothing but their folder, stand in for them.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

PACKAGES = ["hamster_bench", "planners", "code_as_policies", "sandbox"]


def bare_packages(folder: Path) -> None:
    """Puts packages without contents in the place of the parents of the modules in ``folder``."""
    for depth in range(len(PACKAGES), 0, -1):
        module = types.ModuleType(".".join(PACKAGES[:depth]))
        module.__path__ = [str(folder)]
        sys.modules[module.__name__] = module
        folder = folder.parent


if __name__ == "__main__":
    bare_packages(Path(__file__).resolve().parent)
    # Where the parent found numpy, last: isolated mode leaves out a user's own site-packages.
    sys.path.append(sys.argv[1])
    from hamster_bench.planners.code_as_policies.sandbox.worker import main

    main()
