"""The rules an evaluation is played by, as data.

Two figures can be compared only when they were made under the same rules, so every record carries the fingerprint of its protocol.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from hamster_bench.agent import ActionMode, Agent, AgentNeeds, PathForm
from hamster_bench.envs.contract import GRASP_MODES, GraspMode
from hamster_bench.envs.factors.episode import compat_switches
from hamster_bench.errors import AgentError, InvalidOptionError, StoreError, UnknownNameError
from hamster_bench.evaluation.materials import MaterialFolder
from hamster_bench.planners.refresh import RefreshRule
from hamster_bench.registry import Registry

OnMotionFailure = Literal["continue", "end"]
OnInvalidAction = Literal["end", "continue"]
OnNoFreePath = Literal["fail", "ignore_collisions"]
OnPlannerError = Literal["end", "continue"]
SuccessRule = Literal["any_step", "last_step"]
Variations = Literal["zero", "drawn"]


@dataclass(frozen=True, kw_only=True)
class StepCaps:
    """Largest number of actions in an episode, for each action mode.

    Attributes:
        keypose: 25, as PerAct, RVT, 3D Diffuser Actor and THE COLOSSEUM count.
        joint_position: control steps of 0.05 s. The longest of 104 recorded demonstrations of the original tasks takes 432 (stack_cups);
            a policy gets a little more than twice that.
        delta_pose: at most 0.05 m a step. The longest recorded gripper track is 2.9 m (wipe_desk), which is 290 steps at 0.01 m, the
            pace of policies that predict small changes of pose; a third more is left for corrections.
    """

    keypose: int = 25
    joint_position: int = 1000
    delta_pose: int = 400

    def __post_init__(self) -> None:
        for mode in get_args(ActionMode):
            cap = getattr(self, mode)
            if isinstance(cap, bool) or not isinstance(cap, int) or cap < 1:
                raise InvalidOptionError(f"the step cap of {mode} must be a whole number from 1, got {cap!r}")

    def of(self, mode: ActionMode) -> int:
        """The cap of an action mode.

        Raises:
            UnknownNameError: there is no such action mode.
        """
        if mode not in get_args(ActionMode):
            raise UnknownNameError("action mode", mode, get_args(ActionMode))
        return int(getattr(self, mode))


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Everything about an evaluation that is neither scenario nor agent.

    The version of the engine and the digest of the scenes are no rules but facts about a run: they are kept with every record, under
    ``versions``, and tables say where they are mixed. A change of either that is meant to change outcomes raises
    ``environment_version``, which is a rule.

    Attributes:
        name: what the rules are called; two protocols that differ in nothing else have one fingerprint.
        engine: name of the engine that simulates.
        environment_version: the ``N`` of ``hamster_bench/<task>-vN``; rises when dynamics, success rules or defaults change.
        grasp: ``"attach"`` as RLBench holds objects, or ``"friction"``: contact physics alone.
        cameras: cameras an agent may ask for; the first is the one 2D paths live in.
        image_size: (height, width) [pixel] of every image.
        max_steps: step caps; reaching one ends the episode as the failure ``step_limit``.
        retries: how often a keypose that could not be reached is tried again within the same step. All tries of a keypose count as one
            step against the cap; control steps and rewards of every try are added up.
        on_no_free_path: what becomes of a keypose that asks for a motion free of collisions where none is found: the motion fails, or it is
            planned once more without collision checks, within the same step.
        on_motion_failure: whether an episode ends at a keypose that cannot be reached, or goes on with that step counted.
        on_invalid_action: whether an action that is refused ends the episode, or only counts as a step.
        success: ``"any_step"``: the episode ends, as a success, at the first action after which the task's conditions hold.
            ``"last_step"``: it goes on, and is a success if they hold when it ends: at the step cap, because the agent stops, or at a
            motion that fails. A keypose's motion stops in either case as soon as the conditions hold, as in RLBench.
        path_planner: name of the planner whose path is given to agents that take one, with its options: ``oracle_noisy:std=0.02``.
        path_refresh: when a path is proposed: ``"first_frame"`` (once, and kept), ``"every_3_keyposes"`` (or any other number) or
            ``"gripper_change"``.
        on_planner_error: whether an episode whose path planner failed ends there, as an error, or is played without a path.
        variations: ``"zero"`` keeps every factor but ``rlb_var`` at RLBench variation 0, as upstream does; ``"drawn"`` draws the
            variation of every episode.
        compat: decisions of THE COLOSSEUM about factors that replace this project's, sorted.
        textures: folder that factors draw textures from; None for this project's own.
        distractors: folder that factors draw distractors from; None for this project's own.
    """

    name: str
    engine: str = "mujoco"
    environment_version: int = 0
    grasp: GraspMode = "attach"
    cameras: tuple[str, ...] = ("front",)
    image_size: tuple[int, int] = (128, 128)
    max_steps: StepCaps = field(default_factory=StepCaps)
    retries: int = 0
    on_motion_failure: OnMotionFailure = "end"
    on_invalid_action: OnInvalidAction = "end"
    success: SuccessRule = "any_step"
    path_planner: str = "oracle"
    path_refresh: str = "first_frame"
    on_planner_error: OnPlannerError = "end"
    variations: Variations = "zero"
    compat: tuple[str, ...] = ()
    textures: MaterialFolder | None = None
    distractors: MaterialFolder | None = None
    on_no_free_path: OnNoFreePath = "fail"

    def __post_init__(self) -> None:
        object.__setattr__(self, "compat", tuple(sorted(compat_switches(self.compat))))
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise UnknownNameError(name.replace("_", " "), getattr(self, name), allowed)
        RefreshRule.parse(self.path_refresh)
        if len(self.image_size) != 2 or not all(isinstance(n, int) and n > 0 for n in self.image_size):
            raise InvalidOptionError(f"image_size must be (height, width) in whole pixels above 0, got {self.image_size!r}")
        if not isinstance(self.retries, int) or self.retries < 0:
            raise InvalidOptionError(f"retries must be a whole number from 0, got {self.retries!r}")

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits of the SHA-256 of the rules' canonical JSON, the name left out.

        Stores outlive programs: a field added to this class later must be left out of the canonical form while it holds the value
        that describes how things were before, or every stored fingerprint changes.
        """
        rules = asdict(self)
        del rules["name"]
        for name, before in _ADDED.items():
            if rules[name] == before:
                del rules[name]
            elif isinstance(rules[name], dict):
                # Where a folder lies is no rule.
                rules[name] = rules[name]["digest"]
        return hashlib.sha256(_canonical(rules).encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """The name, and what differs from the preset of that name: ``hamster (grasp=friction)``."""
        if self.name not in PROTOCOLS:
            return self.name
        changes = self.differences(PROTOCOLS.get(self.name))
        listed = (f"{k}={'+'.join(v) if k == 'compat' else v}" for k, v in changes.items())
        return f"{self.name} ({', '.join(listed)})" if changes else self.name

    def differences(self, other: Protocol) -> dict[str, Any]:
        """Fields, and their values here, in which the rules differ from another protocol's."""
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name != "name" and getattr(self, f.name) != getattr(other, f.name)
        }

    def to_json(self) -> str:
        """Canonical JSON; `from_json` reads it back."""
        return _canonical(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Protocol:
        """The protocol written by `to_json`.

        Raises:
            StoreError: the text is not a protocol this version of the program understands.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            values["max_steps"] = StepCaps(**values["max_steps"])
            values["cameras"] = tuple(values["cameras"])
            values["image_size"] = tuple(values["image_size"])
            values["compat"] = tuple(values.get("compat", ()))
            for name in ("textures", "distractors"):
                if values.get(name) is not None:
                    values[name] = MaterialFolder(**values[name])
            return cls(**values)
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"a stored protocol is not understood ({error}); it was probably written by another version of this program"
            ) from error


# Fields that the first stores did not know, and how things were before.
_ADDED: Mapping[str, Any] = {"compat": (), "textures": None, "distractors": None, "on_no_free_path": "fail"}

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "grasp": GRASP_MODES,
    "on_motion_failure": get_args(OnMotionFailure),
    "on_invalid_action": get_args(OnInvalidAction),
    "on_no_free_path": get_args(OnNoFreePath),
    "success": get_args(SuccessRule),
    "on_planner_error": get_args(OnPlannerError),
    "variations": get_args(Variations),
}
VARIATIONS = _CHOICES["variations"]
ON_PLANNER_ERROR = _CHOICES["on_planner_error"]

PROTOCOLS: Registry[Protocol] = Registry("protocol", entry_point_group="hamster_bench.protocols")
# Cameras, image size, step cap and tries of THE COLOSSEUM's own evaluation reduced to the front camera, as HAMSTER was evaluated; there,
# as with PerAct and RVT, a keypose that cannot be reached ends the episode. Keyposes with a flag for collision checks are PerAct's, whose
# environment plans without checks where no free motion is found.
PROTOCOLS.register("hamster", Protocol(name="hamster", on_no_free_path="ignore_collisions"))
_FOUR_CAMERAS = ("front", "left_shoulder", "right_shoulder", "wrist")
# PerAct, and RVT after it: all variations of a task, one try, and any motion that fails ends the episode.
PROTOCOLS.register(
    "peract", Protocol(name="peract", cameras=_FOUR_CAMERAS, variations="drawn", on_no_free_path="ignore_collisions")
)
# 3D Diffuser Actor in the set-up of PerAct: larger images, two tries, and what fails or is refused only costs its step.
PROTOCOLS.register(
    "3d_da",
    Protocol(
        name="3d_da",
        cameras=_FOUR_CAMERAS,
        image_size=(256, 256),
        retries=1,
        on_motion_failure="continue",
        on_invalid_action="continue",
        variations="drawn",
    ),
)


def make_protocol(name: str, /, **changes: Any) -> Protocol:
    """A preset, with single rules changed.

    Args:
        name: name of the preset.
        changes: fields to replace.

    Raises:
        UnknownNameError: there is no such preset, field or value.
    """
    preset = PROTOCOLS.get(name)
    known = tuple(f.name for f in fields(Protocol))
    for change in changes:
        if change not in known:
            raise UnknownNameError("protocol field", change, known)
    return replace(preset, **changes)


def check_needs(name: str, agent: Agent, protocol: Protocol) -> None:
    """Compares what an agent needs with what the protocol gives.

    Args:
        name: what the agent is called, for the message.
        agent: the agent.
        protocol: the rules.

    Raises:
        AgentError: the agent cannot take part under these rules.
        UnknownNameError: its action mode does not exist.
    """
    protocol.max_steps.of(agent.action_mode)
    needs = agent.needs
    if not isinstance(needs, AgentNeeds) or isinstance(needs.cameras, str):
        raise AgentError(f"agent {name!r} states its needs as AgentNeeds, with cameras as a tuple of names; got {needs!r}")
    missing = [camera for camera in needs.cameras if camera not in protocol.cameras]
    if missing:
        raise AgentError(
            f"agent {name!r} needs the camera{'s' if len(missing) > 1 else ''} {', '.join(missing)}, but protocol {protocol.label!r} "
            f"gives {', '.join(protocol.cameras) or 'none'}; choose a protocol with these cameras"
        )
    if needs.image_size is not None and tuple(needs.image_size) != protocol.image_size:
        raise AgentError(
            f"agent {name!r} needs images of {_size(needs.image_size)} (height x width) pixels, but protocol {protocol.label!r} gives "
            f"{_size(protocol.image_size)}; choose a protocol with this size"
        )
    if needs.path not in get_args(PathForm):
        raise AgentError(
            f"agent {name!r} needs a path as {needs.path!r}; paths come as {', '.join(map(repr, get_args(PathForm)))}"
        )
    if needs.path != "none" and RefreshRule.parse(protocol.path_refresh).every_keyposes and agent.action_mode != "keypose":
        raise AgentError(
            f"agent {name!r} acts in {agent.action_mode}, but protocol {protocol.label!r} counts keyposes between paths; choose another "
            f"path_refresh"
        )
    if needs.path != "none" and not protocol.cameras:
        raise AgentError(f"agent {name!r} needs a 2D path, but protocol {protocol.label!r} has no camera for it to live in")


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
