"""Running a recorded episode again, to see it and to check the record."""

from __future__ import annotations

import difflib
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from hamster_bench.agent import Agent
from hamster_bench.errors import StoreError
from hamster_bench.evaluation.environment import make_environment, path_camera, requirements, with_path
from hamster_bench.evaluation.episode import contestant, run_episode
from hamster_bench.evaluation.filming import Filmed, check_video, video_writer
from hamster_bench.evaluation.protocol import Protocol, check_needs
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.evaluation.store import ResultStore

# What an episode that runs again must agree on with its record. Messages may differ between program versions.
COMPARED = (
    "outcome",
    "kind",
    "instruction",
    "steps",
    "control_steps",
    "episode_return",
    "motion_failures",
    "path",
    "draws",
    "stage",
    "stages",
    "track",
    "oracle_path",
)
# What older records may not know; there is nothing to disagree with then.
_IF_KNOWN = frozenset({"stage", "stages", "track", "oracle_path"})


class Replay(NamedTuple):
    """An episode run again.

    Attributes:
        recorded: the stored record.
        replayed: the new one, which is not stored.
        differences: fields in which they disagree, each with the recorded and the new value.
        video: the file that was written, or None when none was asked for or the episode broke before its first frame.
    """

    recorded: EpisodeRecord
    replayed: EpisodeRecord
    differences: dict[str, tuple[Any, Any]]
    video: Path | None = None


def find_record(
    store: ResultStore, scenario: str, *, agent: str | None = None, protocol: str | None = None
) -> tuple[EpisodeRecord, Protocol]:
    """The one record of a scenario, and its protocol.

    Args:
        store: where to look.
        scenario: id of the scenario.
        agent: name of the agent; needed when several have played it.
        protocol: fingerprint of the protocol; needed when it was played under several.

    Raises:
        StoreError: there is no such record, or there are several.
    """
    found = list(store.records(scenario=scenario))
    if not found:
        known = sorted({record.scenario.id for record in store.records()})
        near = difflib.get_close_matches(scenario, known, n=3, cutoff=0.5)
        hint = f" Did you mean: {', '.join(near)}?" if near else ""
        raise StoreError(f"{store.directory} has no record of scenario {scenario!r}.{hint} It has {len(known)} scenarios")
    for field, option, wanted in (("agent", "--agent", agent), ("protocol", "--protocol", protocol)):
        present = sorted({getattr(record, field) for record in found})
        if wanted is None and len(present) > 1:
            raise StoreError(f"{scenario} was recorded with several {field}s; choose one with {option}: {', '.join(present)}")
        if wanted is not None and wanted not in present:
            raise StoreError(f"{scenario} was not recorded with {field} {wanted!r}; recorded: {', '.join(present)}")
        found = [record for record in found if wanted is None or getattr(record, field) == wanted]
    (record,) = found
    return record, store.protocols()[record.protocol]


def replay(record: EpisodeRecord, protocol: Protocol, agent: Agent, *, video: Path | None = None, size: int = 512) -> Replay:
    """Runs a recorded episode again under the same rules.

    Args:
        record: the record.
        protocol: its protocol.
        agent: the agent that made it.
        video: MP4 file (H.264) to write: a frame for each control step, with the 2D path, the way the gripper has taken so far, and, for
            a second at the end, the outcome drawn in; replaced if it exists. None is written when the episode breaks before its first
            frame.
        size: edge of the video [pixel], even.

    Raises:
        AgentError: the agent needs what the protocol does not give.
        InvalidOptionError: the size is odd, too small or too large.
        StoreError: the video cannot be written.
    """
    check_needs(record.agent, agent, protocol)
    required = requirements(agent, record.scenario.task, protocol)
    player = contestant(record.agent, agent)
    options: dict[str, Any] = {}
    if video is not None:
        check_video(video, size)
        options = {"render_mode": "rgb_array_list", "render_size": size, "render_camera": path_camera(protocol)}
    filmed = False
    with closing(with_path(make_environment(required, protocol, **options), required, protocol)) as env:
        if video is None:
            replayed = run_episode(env, player, record.scenario, protocol)
        else:
            with video_writer(video, size) as write:
                camera = Filmed(env, write, path_camera(protocol))
                replayed = run_episode(camera, player, record.scenario, protocol)
                camera.show_outcome(replayed)
                filmed = camera.frames > 0
    old, new = asdict(record), asdict(replayed)
    compared = (name for name in COMPARED if old[name] is not None or name not in _IF_KNOWN)
    differences = {name: (old[name], new[name]) for name in compared if old[name] != new[name]}
    return Replay(record, replayed, differences, video if filmed else None)
