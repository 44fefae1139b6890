"""The worker's side: plays episodes, or decides for agents, as it is told."""

from __future__ import annotations

from pathlib import Path

from hamster_bench.errors import HamsterBenchError
from hamster_bench.evaluation.episode import Contestant
from hamster_bench.evaluation.materials import distractor_folder, texture_folder
from hamster_bench.evaluation.record import versions
from hamster_bench.evaluation.stage import Stage
from hamster_bench.evaluation.workers.agents import EpisodeAbandoned, ServedAgent, same_agent, sendable
from hamster_bench.evaluation.workers.channel import Channel, ChannelClosedError
from hamster_bench.evaluation.workers.inference import Inference
from hamster_bench.evaluation.workers.messages import (
    Abandoned,
    Exhausted,
    Left,
    Play,
    Played,
    Ready,
    Refused,
    Setup,
    Stop,
)
from hamster_bench.evaluation.workers.peers import WorkerError


def serve(channel: Channel) -> None:
    """Does what the other end of the channel says until it says `Stop`."""
    try:
        setup: Setup = channel.receive()
    except ChannelClosedError:
        raise
    except Exception as error:
        # The message names functions and classes, which are imported as it is read.
        refusal = f"a worker cannot import what the run was started with: {type(error).__name__}: {error}"
        channel.send(Refused(WorkerError(refusal)))
        return
    refused = _foreign_material(setup)
    channel.send(Ready(versions()) if refused is None else Refused(sendable(refused)))
    if setup.role == "inference":
        _decide(channel, Inference(setup))
    else:
        _play(channel, setup)
    channel.send(Left())


def _foreign_material(setup: Setup) -> Exception | None:
    """What is wrong with a user's own folders, if anything: another machine may have others under the same name."""
    protocol = setup.protocol
    try:
        for read, folder in ((texture_folder, protocol.textures), (distractor_folder, protocol.distractors)):
            if folder is not None and (found := read(Path(folder.path))).digest != folder.digest:
                return WorkerError(
                    f"{folder.path} holds other files for a worker ({found}) than where the run was started ({folder})"
                )
    except HamsterBenchError as error:
        return error
    return None


def _decide(channel: Channel, inference: Inference) -> None:
    while not isinstance(message := channel.receive(), Stop):
        channel.send(inference.decide(message))


def _play(channel: Channel, setup: Setup) -> None:
    players: dict[str, Contestant] = {}
    with Stage(setup.make_environment, setup.protocol) as stage:
        while not isinstance(message := channel.receive(), Stop):
            channel.send(_episode(stage, players, message, setup, channel))


def _episode(
    stage: Stage, players: dict[str, Contestant], message: Play, setup: Setup, channel: Channel
) -> Played | Abandoned | Exhausted | Refused:
    name, scenario = message.planned
    try:
        if name not in players:
            # Agents are made when they are first needed: a worker need not meet them all.
            players[name] = _player(name, setup, channel)
        return Played(stage.play(players[name], scenario))
    except EpisodeAbandoned:
        stage.close()
        return Abandoned()
    except MemoryError as error:
        return Exhausted(str(error))
    except Exception as error:
        return Refused(sendable(error))


def _player(name: str, setup: Setup, channel: Channel) -> Contestant:
    facts = setup.agents[name]
    if facts.batch:
        return Contestant(name, ServedAgent(facts, channel), facts.fingerprint, facts.checkpoint)
    return same_agent(name, setup)
