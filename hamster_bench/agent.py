"""The contract between an agent and whatever runs it.

An agent turns observations into actions and knows nothing of the engine behind them. It states what it needs, so that a mismatch
is found before the first episode and not as a crash in the middle of a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from hamster_bench.errors import AgentError, AgentStopped, HamsterBenchError
from hamster_bench.options import make_with_options, read_named
from hamster_bench.oracle import Oracle
from hamster_bench.registry import Registry
from hamster_bench.scenario import Scenario

ActionMode = Literal["keypose", "delta_pose", "joint_position"]
PathForm = Literal["none", "points", "overlay", "channels"]


@dataclass(frozen=True, kw_only=True)
class AgentNeeds:
    """What an agent must be given.

    Attributes:
        cameras: names of the cameras whose images it reads.
        image_size: (height, width) [pixel] it expects, or None when any size will do.
        path: form in which it takes the 2D path: ``"points"`` (array ``path`` in the observation), ``"overlay"`` (drawn over the
            image), ``"channels"`` (drawn on black as an image of its own, ``<camera>_path``) or ``"none"``.
        privileged: it reads the oracle; such agents frame a table and are no policies.
    """

    cameras: tuple[str, ...] = ()
    image_size: tuple[int, int] | None = None
    path: PathForm = "none"
    privileged: bool = False


@dataclass(frozen=True, kw_only=True)
class EpisodeContext:
    """What an agent is told at the start of an episode.

    Attributes:
        scenario: the episode about to run.
        instruction: the task in words.
        rng: the agent's own random stream, derived from the scenario; agents draw from nothing else.
        oracle: privileged access, for agents whose needs say so; otherwise None.
    """

    scenario: Scenario
    instruction: str
    rng: np.random.Generator
    oracle: Oracle | None = None


@runtime_checkable
class Agent(Protocol):
    """Anything that acts. Instances are made once a run and reset before every episode."""

    @property
    def action_mode(self) -> ActionMode:
        """The action mode its actions are meant for."""
        ...

    @property
    def needs(self) -> AgentNeeds:
        """What it must be given."""
        ...

    def reset(self, context: EpisodeContext) -> None:
        """Forgets the last episode and prepares for the one described."""
        ...

    def act(self, observation: Mapping[str, Any]) -> NDArray[np.float64]:
        """The next action.

        Raises:
            AgentStopped: the agent has nothing left to do; the episode ends here.
        """
        ...


@runtime_checkable
class BatchedAgent(Agent, Protocol):
    """An agent that decides for several episodes at once, so that one copy of a network serves many environments.

    Whatever it remembers of an episode lies in what `begin` gives, never in the agent. ``reset`` and ``act`` are the batch of one::

        def reset(self, context):
            self._episode = self.begin(context)

        def act(self, observation):
            (action,) = self.act_batch([self._episode], [observation])
            if isinstance(action, AgentStopped):
                raise action
            return action

    What it decides for an episode must not depend, down to the last bit, on which others are in the batch; `max_batch_size` 1 is how
    an agent says that it cannot promise that. Weights are loaded when they are first needed and not in ``__init__``, which every
    process of a run calls.
    """

    @property
    def max_batch_size(self) -> int:
        """Largest number of episodes it decides for at once, from 1."""
        ...

    def begin(self, context: EpisodeContext) -> Any:
        """What the agent is to remember of a new episode; handed back to `act_batch`, which may change it."""
        ...

    def act_batch(
        self, episodes: Sequence[Any], observations: Sequence[Mapping[str, Any]]
    ) -> Sequence[NDArray[np.float64] | AgentStopped]:
        """The next action of every episode, or an `AgentStopped` in the place of one that ends here.

        Args:
            episodes: what `begin` gave for each.
            observations: what is seen in each now.
        """
        ...


AGENTS: Registry[type[Agent]] = Registry("agent", entry_point_group="hamster_bench.agents")
AGENTS.register("expert", "hamster_bench.baselines.scripted.expert:ExpertAgent")
AGENTS.register("keypose_expert", "hamster_bench.baselines.scripted.keypose_expert:KeyposeExpertAgent")
AGENTS.register("keypose_paths_expert", "hamster_bench.baselines.scripted.keypose_expert:KeyposePathsExpertAgent")
AGENTS.register("random", "hamster_bench.baselines.scripted.random_agent:RandomAgent")
AGENTS.register("path_lift", "hamster_bench.baselines.scripted.path_lift:PathLiftAgent")
AGENTS.register("3d_da", "hamster_bench.baselines.diffuser_actor.agents:ThreeDDiffuserActor")
AGENTS.register("hamster_3d_da", "hamster_bench.baselines.diffuser_actor.agents:HamsterThreeDDiffuserActor")
AGENTS.register("rvt2", "hamster_bench.baselines.rvt2.agents:Rvt2")
AGENTS.register("hamster_rvt2", "hamster_bench.baselines.rvt2.agents:HamsterRvt2")
AGENTS.register("hamster_rvt2_concat", "hamster_bench.baselines.rvt2.agents:HamsterRvt2Concat")
AGENTS.register("openvla", "hamster_bench.baselines.openvla.agents:OpenVLAAgent")
AGENTS.register("openvla_rest", "hamster_bench.baselines.openvla.agents:OpenVLARestAgent")
AGENTS.register("tiny_vla", "hamster_bench.baselines.openvla.agents:TinyVLAAgent")
AGENTS.register("remote", "hamster_bench.serving.remote:RemoteAgent")


def make_agent(text: str) -> Agent:
    """A new agent by its registered name or by ``package.module:Class``, with or without options.

    ``expert``, ``remote:ws://127.0.0.1:8000`` and ``package.module:Class:key=value,key=value`` are such texts. Options are the keyword
    arguments of the agent's class; the first may be given without its key.

    Raises:
        UnknownNameError: no agent has this name, or it has no such option.
        InvalidOptionError: the options are malformed or refused, or there is no such module or class.
        AgentError: the module cannot be imported, or what the name stands for is no class, cannot be made with these options, or
            makes something that lacks a part of an agent.
    """
    name, options = read_named(text, AGENTS, "agent", first=True)
    try:
        kind = AGENTS.get(name)
    except (HamsterBenchError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise AgentError(f"agent {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    if not isinstance(kind, type):
        raise AgentError(f"agent {name!r} is no class but a {type(kind).__name__}; agents are named as package.module:Class")
    try:
        agent = make_with_options(kind, f"agent {name!r}", options) if options else kind()
        lacking = [part for part in ("action_mode", "needs", "reset", "act") if not hasattr(agent, part)]
    except (HamsterBenchError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        raise AgentError(
            f"agent {name!r} cannot be made: {type(error).__name__}: {error}; its class is called with its options alone"
        ) from error
    if lacking:
        raise AgentError(f"agent {name!r} is no agent: {kind.__name__} lacks {', '.join(lacking)}; see hamster_bench.agent.Agent")
    return agent
