"""``hamster-bench demos verify``: compares demonstrations with their checksums."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hamster_bench.demos.store import DemoStore
from hamster_bench.errors import StoreError

_DAMAGED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="directory of demonstrations")


def execute(arguments: argparse.Namespace) -> int:
    """Names every damaged file on stdout; the exit code is 1 if there is one."""
    from tqdm import tqdm

    store = DemoStore(arguments.directory)
    scenarios = store.scenarios()
    damaged = 0
    for scenario in tqdm(scenarios, unit="demo", dynamic_ncols=True, disable=not sys.stderr.isatty()):
        try:
            store.check(scenario)
        except StoreError as error:
            damaged += 1
            print(error)
    if damaged:
        print(f"{damaged} of {len(scenarios)} demonstrations are damaged; remove their files and collect again")
        return _DAMAGED
    print(f"{len(scenarios)} demonstrations are as they were written; fingerprint {store.fingerprint()[:12]}")
    return 0
