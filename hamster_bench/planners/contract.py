"""The contract between a path planner and whatever asks it for a path.

A path planner looks at the first image of an episode and at the instruction, and proposes where the gripper should go in that image.
Planners know of images, words and paths only: they stand on the ground floor, below environments and agents.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import HamsterBenchError, InvalidOptionError
from hamster_bench.geometry import Camera
from hamster_bench.options import make_with_options, read_named
from hamster_bench.oracle import Oracle
from hamster_bench.paths.path import Path2D
from hamster_bench.registry import Registry
from hamster_bench.scenario import Scenario


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannerContext:
    """What a planner is told besides the image and the instruction.

    Attributes:
        scenario: the running episode, or None for a picture that belongs to none.
        rng: the planner's own random stream, derived from the scenario; planners draw from nothing else.
        camera: the camera of the image, at the moment of the image.
        gripper_pose: (7,) float64, pose ``x y z qx qy qz qw`` of the gripper tip in the world frame, [m].
        gripper_open: whether the gripper is open.
        oracle: privileged access, for planners that declare the need; otherwise None.
    """

    scenario: Scenario | None
    rng: np.random.Generator
    camera: Camera | None = None
    gripper_pose: NDArray[np.float64] | None = None
    gripper_open: bool | None = None
    oracle: Oracle | None = None

    @classmethod
    def of_picture(cls, image_rgb: NDArray[np.uint8], instruction: str) -> PlannerContext:
        """The context of a picture that belongs to no episode: the same picture and words give the same random draws."""
        digest = hashlib.sha256(image_rgb.tobytes() + instruction.encode("utf-8", "replace")).digest()
        return cls(scenario=None, rng=np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little"))))


@dataclass(frozen=True)
class Proposal:
    """A path, and how it came about.

    Attributes:
        path: the path, or None when the planner has none to offer.
        record: what is kept with the episode, in values JSON can hold: by custom ``answer`` (raw text), ``verdict``, ``repairs``,
            ``prompt_tokens``, ``answer_tokens``, ``latency_s``, ``cached``. Never a key or another secret.

    Raises:
        InvalidOptionError: the record cannot be written as JSON.
    """

    path: Path2D | None
    record: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            json.dumps(dict(self.record), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise InvalidOptionError(
                f"the record of a proposal holds values that JSON knows, got {self.record!r} ({error})"
            ) from error


@runtime_checkable
class PathPlanner(Protocol):
    """Anything that proposes paths. One instance serves many episodes and keeps nothing from one to the next."""

    @property
    def privileged(self) -> bool:
        """Whether it reads the oracle; such planners frame a table and are no policies."""
        ...

    def propose(self, image_rgb: NDArray[np.uint8], instruction: str, context: PlannerContext) -> Path2D | Proposal | None:
        """The path for this image (H, W, 3), or None when the planner has none to offer; a `Proposal` tells how it came about.

        Raises:
            PlannerError: the planner failed; the failure and its ``record`` are kept with the episode.
            HamsterBenchError: likewise, without a record.
        """
        ...


PLANNERS: Registry[type[PathPlanner]] = Registry("path planner", entry_point_group="hamster_bench.planners")
PLANNERS.register("none", "hamster_bench.planners.none:NoPathPlanner")
PLANNERS.register("oracle", "hamster_bench.planners.oracle:OraclePlanner")
PLANNERS.register("oracle_noisy", "hamster_bench.planners.oracle_noisy:NoisyOraclePlanner")
PLANNERS.register("wrong", "hamster_bench.planners.wrong:WrongPathPlanner")
PLANNERS.register("file", "hamster_bench.planners.file:FilePlanner")
PLANNERS.register("hamster", "hamster_bench.planners.hamster:HamsterPlanner")
PLANNERS.register("sketch", "hamster_bench.planners.sketch.planner:SketchPlanner")
PLANNERS.register("openai", "hamster_bench.planners.openai_chat:OpenAIPlanner")
PLANNERS.register("code_as_policies", "hamster_bench.planners.code_as_policies.planner:CodeAsPoliciesPlanner")


def make_planner(text: str) -> PathPlanner:
    """A new planner by its name and options.

    ``oracle``, ``oracle_noisy:std=0.02``, ``hamster:url=http://127.0.0.1:8000,model=HAMSTER_dev``, ``package.module:Class`` and
    ``package.module:Class:key=value`` are such texts. Options are the keyword arguments of the planner's class. Making a planner checks
    its options and what can be checked without a network; it loads nothing heavy.

    Args:
        text: the name, and options behind a colon.

    Raises:
        UnknownNameError: no planner has this name, or it has no such option.
        InvalidOptionError: the text is malformed, a value is refused, there is no such module or class, or it is no planner.
        MissingDependencyError: the planner needs a package that is not installed.
    """
    name, options = read_named(text, PLANNERS)
    try:
        made = PLANNERS.get(name)
    except (HamsterBenchError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise InvalidOptionError(f"path planner {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    if not (isinstance(made, type) and hasattr(made, "propose")):
        raise InvalidOptionError(f"path planner {name!r} is no class with a method 'propose'")
    try:
        planner = make_with_options(made, f"path planner {name!r}", options)
    except (HamsterBenchError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise InvalidOptionError(f"path planner {name!r} cannot be made: {type(error).__name__}: {error}") from error
    if not isinstance(planner, PathPlanner):
        raise InvalidOptionError(f"path planner {name!r} lacks 'privileged', which says whether it reads the oracle")
    return planner
