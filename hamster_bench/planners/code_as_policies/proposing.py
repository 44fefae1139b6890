"""From an image and an instruction to a path: detections, question, program, poses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import PlannerError
from hamster_bench.planners.code_as_policies.detection import Detection, Detector, distinct
from hamster_bench.planners.code_as_policies.program import NoPathError, Program, find_program, poses_to_path
from hamster_bench.planners.code_as_policies.prompt import code_prompt
from hamster_bench.planners.code_as_policies.queries import noun_phrases
from hamster_bench.planners.code_as_policies.sandbox.limits import Limits, Stopped
from hamster_bench.planners.code_as_policies.sandbox.process import run_program
from hamster_bench.planners.contract import Proposal

NAME = "code_as_policies"

# A question to a model: text in, record out, with the model's words under `answer`. Raises PlannerError where there is no answer.
Ask = Callable[[str], Mapping[str, Any]]


def propose_by_code(
    image_rgb: NDArray[np.uint8],
    instruction: str,
    *,
    detector: Detector,
    ask: Ask,
    per_query: int = 3,
    limits: Limits | None = None,
) -> Proposal:
    """The path of the program that a model writes for a scene.

    The record of the proposal, or of the error, holds ``planner``, ``queries``, ``detections`` (label, score, box), what ``ask`` gave,
    ``code``, ``repairs``, ``operations`` and ``verdict``: ``"path"``, ``"nothing_detected"`` or ``"answer_refused:<reason>"``, with
    ``message`` and, where there is one, ``line`` of the program.

    Args:
        image_rgb: (H, W, 3).
        instruction: the task in words.
        detector: finds the things the instruction names.
        ask: the model.
        per_query: most detections of one query that the model is told of.
        limits: what the program may use.

    Raises:
        PlannerError: nothing was detected, the model gave no answer, or its answer gave no path.
        MissingDependencyError: the detector cannot be used on this machine.
    """
    queries = noun_phrases(instruction)
    seen = distinct(detector.detect(image_rgb, queries), per_label=per_query)
    record: dict[str, Any] = {"planner": NAME, "queries": list(queries), "detections": [_told(detection) for detection in seen]}
    if not seen:
        # The model sees no image: without a scene it would only guess.
        raise PlannerError(f"the detector saw nothing of {', '.join(queries)}", record | {"verdict": "nothing_detected"})
    try:
        record.update(ask(code_prompt(instruction, seen)), planner=NAME)
    except PlannerError as error:
        raise PlannerError(str(error), record | dict(error.record or {}) | {"planner": NAME}) from None
    return _read(record, limits)


def _told(detection: Detection) -> dict[str, Any]:
    return {"label": detection.label, "score": detection.score, "box": list(detection.box)}


def _read(record: dict[str, Any], limits: Limits | None) -> Proposal:
    program = Program("")
    operations = None
    try:
        program = find_program(record["answer"])
        finished = run_program(program.code, limits)
        operations = finished.operations
        path, repairs = poses_to_path(finished.poses)
    except (NoPathError, Stopped) as error:
        refused = record | {
            "code": program.code,
            "repairs": list(program.repairs),
            "operations": operations,
            "verdict": f"answer_refused:{error.reason}",
            "message": str(error),
            "line": error.line if isinstance(error, Stopped) else None,
        }
        raise PlannerError(f"the model's program gave no path ({error.reason}): {error}", refused) from None
    return Proposal(
        path,
        record | {"code": program.code, "repairs": [*program.repairs, *repairs], "operations": operations, "verdict": "path"},
    )
