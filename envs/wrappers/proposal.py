"""Asking a planner for paths: what all path wrappers have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from hamster_bench.errors import HamsterBenchError, InvalidOptionError, MissingDependencyError
from hamster_bench.geometry import Camera
from hamster_bench.paths import Path2D
from hamster_bench.planners import PathPlanner, PlannerContext, Proposal, make_planner
from hamster_bench.planners.refresh import RefreshRule
from hamster_bench.scenario import Scenario

PlannerChoice = str | PathPlanner | None

# Opening above which the gripper counts as open, as in the action contract.
_OPEN_THRESHOLD = 0.5


class PlannerRecord(Mapping[str, Any]):
    """What a planner said about a proposal, as it stands in ``info["path_record"]``.

    No dictionary: vectorised environments would take those apart and mix the entries of different episodes.
    """

    def __init__(self, entries: Mapping[str, Any]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, key: str) -> Any:
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._entries!r})"


class PathProposal:
    """The path of the running episode.

    Args:
        env: the environment that is wrapped.
        planner: a planner, the name of one, or None to use the path that a path wrapper further inside has proposed.
        camera: name of the camera whose image the planner is shown.
        refresh: when the planner is asked again; see `RefreshRule.parse`.
        check: called with every new path; a `HamsterBenchError` it raises counts as a failure of the planner.

    Raises:
        InvalidOptionError: the environment does not observe this camera, ``planner`` is not a planner, there is no such rule, or the
            rule does not go with the environment or with the want of a planner.
        UnknownNameError: no planner has this name.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        planner: PlannerChoice,
        camera: str,
        refresh: str = "first_frame",
        check: Callable[[Path2D], object] | None = None,
    ) -> None:
        require_camera(env, camera)
        self._camera = camera
        self._planner = make_planner(planner) if isinstance(planner, str) else planner
        if self._planner is not None and not isinstance(self._planner, PathPlanner):
            raise InvalidOptionError(
                f"planner must be the name of a planner, an object with 'privileged' and 'propose', or None; got {planner!r}"
            )
        self._rule = RefreshRule.parse(refresh)
        if self._planner is None and self._rule != RefreshRule():
            raise InvalidOptionError(
                f"with planner=None the wrapper further inside decides on refreshes, got refresh={refresh!r}"
            )
        action_mode = getattr(env.unwrapped, "action_mode", "keypose")
        if self._rule.every_keyposes is not None and action_mode != "keypose":
            raise InvalidOptionError(f"refresh={refresh!r} counts keyposes, but the environment's actions are {action_mode}")
        self._check = check
        self.path: Path2D | None = None
        self._error: str | None = None
        self._record: PlannerRecord | None = None
        self._age = 0
        self._proposals = 0
        self._keyposes = 0
        self._was_open = False
        self._rng = np.random.default_rng(0)

    def start(self, env: gymnasium.Env[Any, Any], observation: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        """Proposes the path of a new episode from the observation and info of its reset.

        A failure of the planner leaves the episode without a path.

        Raises:
            InvalidOptionError: no planner was given and no wrapper further inside has proposed a path.
        """
        self.path, self._error, self._record = None, None, None
        self._age = self._proposals = self._keyposes = 0
        if self._planner is None:
            if "path" not in info:
                raise InvalidOptionError(
                    "planner=None uses the path of a path wrapper further inside, and there is none; name a planner"
                )
            self._follow(info)
            return
        # One stream an episode: a second proposal must not draw the noise of the first again.
        self._rng = Scenario.from_id(info["scenario"]).rng("planner")
        self._was_open = _is_open(observation)
        self._propose(self._planner, env, observation, info)

    def advance(
        self, env: gymnasium.Env[Any, Any], observation: Mapping[str, Any], info: Mapping[str, Any], *, ended: bool
    ) -> bool:
        """Counts one step of the episode, and asks the planner again where the rule says so.

        A failure of the planner leaves the episode with the path it has. Nobody is asked once the episode has ended.

        Returns:
            Whether the path is another one now.
        """
        before = self.path
        self._age += 1
        if self._planner is None:
            self._follow(info)
            return self.path is not before
        self._keyposes += info.get("failure") is None
        changed = _is_open(observation) != self._was_open
        self._was_open = _is_open(observation)
        if not ended and self._rule.due(keyposes=self._keyposes, gripper_changed=changed):
            self._propose(self._planner, env, observation, info)
        return self.path is not before

    def info(self) -> dict[str, Any]:
        """What the wrappers add to ``info`` on reset and on every step.

        ``path`` (`Path2D` or None), ``path_age`` (steps since it was proposed), ``path_error`` (why the planner had none when it was
        last asked, or None), ``path_record`` (`PlannerRecord` of what it said then, or None) and ``path_proposals`` (how often it has
        been asked in this episode; a step that raises it has a new error and record).
        """
        return {
            "path": self.path,
            "path_age": self._age,
            "path_error": self._error,
            "path_record": self._record,
            "path_proposals": self._proposals,
        }

    def _propose(
        self, planner: PathPlanner, env: gymnasium.Env[Any, Any], observation: Mapping[str, Any], info: Mapping[str, Any]
    ) -> None:
        self._proposals += 1
        self._keyposes = 0
        self._error, self._record = None, None
        try:
            answer = planner.propose(
                np.array(observation[f"{self._camera}_rgb"]), info["instruction"], self._context(planner, env, observation, info)
            )
            proposal = answer if isinstance(answer, Proposal) else Proposal(answer)
            self._record = PlannerRecord(proposal.record) if proposal.record else None
            self._take(proposal.path)
            self._age = 0
        except MissingDependencyError:
            # Every episode would fail in the same way: the user has to install something first.
            raise
        except HamsterBenchError as error:
            self._error = f"{type(error).__name__}: {error}"
            record = getattr(error, "record", None)
            self._record = PlannerRecord(record) if record else self._record

    def _follow(self, info: Mapping[str, Any]) -> None:
        """Takes over what a wrapper further inside says."""
        self._age, self._error = info["path_age"], info["path_error"]
        self._record, self._proposals = info["path_record"], info["path_proposals"]
        try:
            self._take(info["path"])
        except HamsterBenchError as error:
            self._error = f"{type(error).__name__}: {error}"

    def _take(self, path: Path2D | None) -> None:
        if path is not None and path is not self.path and self._check is not None:
            self._check(path)
        self.path = path

    def _context(
        self, planner: PathPlanner, env: gymnasium.Env[Any, Any], observation: Mapping[str, Any], info: Mapping[str, Any]
    ) -> PlannerContext:
        height, width = observation[f"{self._camera}_rgb"].shape[:2]
        return PlannerContext(
            scenario=Scenario.from_id(info["scenario"]),
            rng=self._rng,
            camera=Camera(
                width=width,
                height=height,
                intrinsics=np.array(observation[f"{self._camera}_intrinsics"], dtype=np.float64),
                T_world_camera=np.array(observation[f"{self._camera}_extrinsics"], dtype=np.float64),
            ),
            gripper_pose=np.array(observation["gripper_pose"], dtype=np.float64),
            gripper_open=_is_open(observation),
            oracle=getattr(env.unwrapped, "oracle", None) if planner.privileged else None,
        )


def _is_open(observation: Mapping[str, Any]) -> bool:
    return bool(observation["gripper_open"][0] > _OPEN_THRESHOLD)


def require_camera(env: gymnasium.Env[Any, Any], camera: str) -> None:
    """Refuses an environment whose observations lack a camera.

    Raises:
        InvalidOptionError: they do.
    """
    space = env.observation_space
    if not isinstance(space, spaces.Dict):
        raise InvalidOptionError(f"path wrappers need observations of spaces.Dict, got {type(space).__name__}")
    if f"{camera}_rgb" not in space.spaces:
        seen = [key.removesuffix("_rgb") for key in space.spaces if key.endswith("_rgb")]
        raise InvalidOptionError(
            f"the environment does not observe camera {camera!r} (it has: {', '.join(seen) or 'none'}); make it with cameras=({camera!r},)"
        )
