"""What a served policy gets to see and what its numbers mean, for this project's protocol and for servers that speak the dialect alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hamster_bench.agent import ActionMode, AgentNeeds, EpisodeContext, PathForm
from hamster_bench.client import METADATA_KEY, ConventionError, Declaration

# Cameras of this project in the places of RoboArena's external ones.
_EXTERNAL = ("front", "left_shoulder")
_CAMERA_PARTS = ("rgb", "depth", "intrinsics", "extrinsics", "path", "segmentation")
_PROPRIOCEPTION = ("joint_positions", "joint_velocities", "gripper_pose", "gripper_open", "instruction")


@dataclass(frozen=True)
class Layout:
    """How observations are sent to a server and its actions are read: this project's own names and conventions.

    Attributes:
        action_mode: of the policy.
        needs: of the policy.
        name: of the policy.
        fingerprint: short text that changes when the policy does, or None.
        checkpoint: the same of its weights, or None.
        observations: names of what is sent, or None for all.
    """

    action_mode: ActionMode
    needs: AgentNeeds
    name: str
    fingerprint: str | None = None
    checkpoint: str | None = None
    observations: tuple[str, ...] | None = None

    def message(self, observation: Mapping[str, Any], context: EpisodeContext) -> dict[str, Any]:
        """An observation as it is sent."""
        wanted = observation if self.observations is None else {name: observation[name] for name in self.observations}
        return {**wanted, "prompt": context.instruction}

    def action(self, action: NDArray[Any]) -> NDArray[Any]:
        """One action as the environment takes it."""
        return action


@dataclass(frozen=True)
class RoboArenaLayout(Layout):
    """Names and conventions of RoboArena's servers: a Franka arm as in DROID, targets of its joints, gripper 1 for closed.

    Attributes:
        image_resolution: (height, width) images are brought to, or None.
        external: how many external cameras it sees.
        wrist: whether it sees the wrist's.
    """

    image_resolution: tuple[int, int] | None = None
    external: int = 1
    wrist: bool = True

    def message(self, observation: Mapping[str, Any], context: EpisodeContext) -> dict[str, Any]:
        """An observation as it is sent."""
        sent: dict[str, Any] = {
            "prompt": context.instruction,
            "session_id": context.scenario.id,
            "observation/joint_position": np.asarray(observation["joint_positions"], np.float32),
            "observation/gripper_position": (1.0 - np.asarray(observation["gripper_open"])).astype(np.float32),
        }
        for number, camera in enumerate(_EXTERNAL[: self.external]):
            sent[f"observation/exterior_image_{number}_left"] = self._image(observation[f"{camera}_rgb"])
        if self.wrist:
            sent["observation/wrist_image_left"] = self._image(observation["wrist_rgb"])
        return sent

    def action(self, action: NDArray[Any]) -> NDArray[Any]:
        """One action as the environment takes it."""
        opened = np.array(action, dtype=np.float64)
        if opened.shape == (8,):
            opened[7] = 1.0 - opened[7]
        return opened

    def _image(self, image_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if self.image_resolution is None or image_rgb.shape[:2] == self.image_resolution:
            return image_rgb
        from PIL import Image

        height, width = self.image_resolution
        return np.asarray(Image.fromarray(image_rgb).resize((width, height), Image.Resampling.BILINEAR))


def layout_of(metadata: Mapping[str, Any]) -> Layout:
    """The layout a server's metadata ask for.

    Raises:
        ConventionError: the server means other things by the same numbers, or does not say what it means.
    """
    if METADATA_KEY in metadata:
        declared = Declaration.from_metadata(metadata)
        needs = AgentNeeds(cameras=declared.cameras, image_size=declared.image_size, path=cast(PathForm, declared.path))
        known = {
            *_PROPRIOCEPTION,
            "path",
            "path_mask",
            *(f"{camera}_{part}" for camera in declared.cameras for part in _CAMERA_PARTS),
        }
        if unknown := [name for name in declared.observations or () if name not in known]:
            raise ConventionError(
                f"the server wants to see {', '.join(unknown)}; with its cameras there are {', '.join(sorted(known))}"
            )
        return Layout(
            cast(ActionMode, declared.action_mode),
            needs,
            declared.name,
            declared.fingerprint,
            declared.checkpoint,
            declared.observations,
        )
    if "action_space" in metadata:
        return _roboarena(metadata)
    raise ConventionError(
        "the server does not say what its actions are: it neither describes itself as this project's servers do nor as RoboArena's; "
        "its author can serve the policy with hamster_bench.client"
    )


def _roboarena(metadata: Mapping[str, Any]) -> RoboArenaLayout:
    if metadata.get("action_space") != "joint_position":
        raise ConventionError(f"a policy of RoboArena has to act in joint_position here, not {metadata.get('action_space')!r}")
    if metadata.get("needs_stereo_camera"):
        raise ConventionError("there are no stereo cameras here")
    external, wrist = metadata.get("n_external_cameras", 1), bool(metadata.get("needs_wrist_camera", True))
    if type(external) is not int or not 0 <= external <= len(_EXTERNAL):
        raise ConventionError(f"n_external_cameras is 0 to {len(_EXTERNAL)}, the server has {external!r}")
    resolution = metadata.get("image_resolution")
    size = tuple(resolution) if isinstance(resolution, (list, tuple)) else None
    if resolution is not None and (size is None or len(size) != 2 or not all(type(n) is int and n > 0 for n in size)):
        raise ConventionError(f"image_resolution is (height, width), the server has {resolution!r}")
    cameras = (*_EXTERNAL[:external], *(("wrist",) if wrist else ()))
    return RoboArenaLayout(
        "joint_position",
        AgentNeeds(cameras=cameras),
        "roboarena",
        image_resolution=cast("tuple[int, int] | None", size),
        external=external,
        wrist=wrist,
    )
