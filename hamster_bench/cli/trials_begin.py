"""``hamster-bench trials begin``: from a plan to an evaluation's folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from hamster_bench.agent import make_agent
from hamster_bench.evaluation.protocol import check_needs
from hamster_bench.trials.book import TrialBook
from hamster_bench.trials.plan import TrialError, TrialPlan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("plan", type=Path, metavar="PLAN", help="trial plan (JSON)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder of the evaluation")


def execute(arguments: argparse.Namespace) -> int:
    """Checks the plan and makes the folder."""
    plan = TrialPlan.load(arguments.plan)
    for scene in plan.scenes:
        if scene.reference is not None and not scene.reference.is_file():
            raise TrialError(f"the reference picture {scene.reference} of scene {scene.id} is missing")
    for name in plan.agents:
        check_needs(name, make_agent(name), plan.protocol)
    book = TrialBook.begin(arguments.out, plan, arguments.plan.parent)
    print(f"{arguments.out}: {len(book.schedule.trials)} trials of {len(plan.agents)} policies in {len(plan.scenes)} scenes")
    print("who is who lies in sealed.json; leave it closed until the report opens it")
    return 0
