"""What the supervisor and its workers say to each other.

Every message is answered by exactly one. The supervisor's first is a `Setup`, answered by `Ready`; an environment worker then gets
`Play`, and a `Decision` for each `Ask`; an inference worker gets `Decide`. Both get `Stop` at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from hamster_bench.agent import ActionMode, Agent, AgentNeeds
from hamster_bench.evaluation.environment import MakeEnvironment
from hamster_bench.evaluation.plan import PlannedEpisode
from hamster_bench.evaluation.protocol import Protocol
from hamster_bench.evaluation.record import EpisodeRecord
from hamster_bench.scenario import Scenario

Role = Literal["environment", "inference"]
MakeAgent = Callable[[str], Agent]


class AgentFacts(NamedTuple):
    """What has to be known of an agent where it is not.

    Attributes:
        fingerprint: short hash of what it is; a worker that finds another one has other code.
        checkpoint: the same of its weights, or None.
        action_mode: of its actions.
        needs: what it must be given.
        batch: largest batch it is served in by the inference worker; 0 for an agent that lives in every environment worker.
    """

    fingerprint: str
    checkpoint: str | None
    action_mode: ActionMode
    needs: AgentNeeds
    batch: int


@dataclass(frozen=True)
class Setup:
    """What a worker is and works with.

    Attributes:
        role: plays episodes or decides for agents.
        protocol: the rules.
        agents: every agent of the run, by name.
        make_agent: makes an agent by its name.
        make_environment: makes the base environments.
    """

    role: Role
    protocol: Protocol
    agents: Mapping[str, AgentFacts]
    make_agent: MakeAgent
    make_environment: MakeEnvironment


class Ready(NamedTuple):
    """The worker can begin.

    Attributes:
        versions: of the programs that outcomes depend on.
    """

    versions: dict[str, str]


class Play(NamedTuple):
    """Play this episode. Answered by any number of `Ask` and then `Played`, `Abandoned`, `Exhausted` or `Refused`."""

    planned: PlannedEpisode


class Ask(NamedTuple):
    """What does a served agent do now?

    Attributes:
        instruction: the task in words with the first observation of an episode, then None.
        observation: what is seen.
    """

    instruction: str | None
    observation: Mapping[str, Any]


class Stopped(NamedTuple):
    """The agent has nothing left to do."""

    reason: str
    message: str


class Fault(NamedTuple):
    """The agent broke.

    Attributes:
        description: of the error, as `hamster_bench.evaluation.episode` makes it.
    """

    description: str


class Decision(NamedTuple):
    """Answer to `Ask`.

    Attributes:
        action: an action, the end of the episode, or None: the episode is given up, to be played again.
    """

    action: Any | Stopped | Fault | None


class Played(NamedTuple):
    """The episode ended."""

    record: EpisodeRecord


class Abandoned(NamedTuple):
    """The episode was given up as wished."""


class Exhausted(NamedTuple):
    """There was not enough memory."""

    message: str


class Refused(NamedTuple):
    """What was asked for cannot be done by any worker; the run stops with this error."""

    error: Exception


class Request(NamedTuple):
    """One episode of a batch.

    Attributes:
        number: of the attempt at the episode.
        scenario: the episode.
        instruction: as in `Ask`.
        observation: as in `Ask`.
    """

    number: int
    scenario: Scenario
    instruction: str | None
    observation: Mapping[str, Any]


@dataclass(frozen=True)
class Decide:
    """Decide for these episodes at once. Answered by `Decided`, `BatchBroke`, `Exhausted` or `Refused`.

    Attributes:
        agent: who decides.
        requests: at least one.
        ended: numbers of attempts that need not be remembered any longer.
    """

    agent: str
    requests: tuple[Request, ...]
    ended: tuple[int, ...] = field(default=())


class Decided(NamedTuple):
    """An action, `Stopped` or `Fault` for every request."""

    actions: tuple[Any, ...]


class BatchBroke(NamedTuple):
    """A batch of several broke, and it is not known through which of them; what was remembered of them is gone."""


class Stop(NamedTuple):
    """Close everything and leave. Answered by `Left`."""


class Left(NamedTuple):
    """Everything is closed."""
