"""Speed and memory as ratios to raw MuJoCo doing the same in the same process; nothing here passes or fails by a clock.

python tests/benchmarks/run.py [TASK ...]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import mujoco
import numpy as np
import psutil
import trimesh

import hamster_bench  # noqa: F401
from hamster_bench.envs.contract import CONTROL_RATE
from hamster_bench.envs.factors import defined_factors
from hamster_bench.envs.factors.distractor_objects import make_object, object_names
from hamster_bench.envs.tasks import TASKS
from hamster_bench.errors import AnswerError
from hamster_bench.paths import DRAWING_STYLES, Path2D, draw_path, parse_answer, write_answer
from hamster_bench.paths.grammar import MAX_ANSWER_LENGTH
from hamster_bench.planners import PlannerContext, make_planner
from hamster_bench.scenario import Scenario


def cpu_ms(action: Callable[[], object], repeat: int) -> float:
    """Median process CPU time [ms] of an action."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return 1e3 * float(np.median(times))


def report(task: str, what: str, ours: float, raw: float, baseline: str) -> None:
    """Prints one line: our figure, the raw one, and their ratio."""
    print(f"{task:28s} {what:34s} {ours:9.3f} ms   raw {raw:9.3f} ms ({baseline})   ratio {ours / raw:6.2f}")


def frame(task: str) -> None:
    """One 128 x 128 RGB-D frame against MuJoCo's own draw and read."""
    env: Any = gymnasium.make(f"hamster_bench/{task}-v0", renderer="gl").unwrapped
    env.reset(seed=0)
    renderer, data = env._renderer, env.simulation.data
    camera = env.simulation.camera_id("front")

    def raw() -> None:
        mujoco.mjv_updateScene(renderer._model, data, renderer._option, renderer._perturb, renderer._camera, 7, renderer._scene)
        mujoco.mjr_render(renderer._rect, renderer._scene, renderer._context)
        mujoco.mjr_readPixels(renderer._rgb, renderer._depth, renderer._rect, renderer._context)

    renderer.draw(data, camera)
    report(task, "frame 128 x 128 RGB-D", cpu_ms(lambda: renderer.draw(data, camera), 200), cpu_ms(raw, 200), "draw + read")
    env.close()


def reset(task: str) -> None:
    """A reset with a change of variation against the settling steps alone."""
    env: Any = gymnasium.make(f"hamster_bench/{task}-v0", cameras=()).unwrapped
    count = TASKS.get(task).variation_count
    episodes = iter(range(10_000))

    def ours() -> None:
        episode = next(episodes)
        env.reset(options={"scenario": Scenario(task=task, variation=episode % count, episode=episode)})

    model, data = env.simulation.scene.model, env.simulation.data
    ours()
    settle = round(10 / (CONTROL_RATE * model.opt.timestep))
    report(task, "reset", cpu_ms(ours, 60), cpu_ms(lambda: mujoco.mj_step(model, data, settle), 20), f"{settle} steps")
    env.close()


def factors(task: str) -> None:
    """Resets with every factor against the control's of the same scenarios, in turn.

    The image of the front camera is part of both. What the first reset of a kind does once is left out.
    """
    env: Any = gymnasium.make(f"hamster_bench/{task}-v0").unwrapped
    names = [name for name in defined_factors(TASKS.get(task)) if name != "no_var"]

    def start(factor: str, episode: int) -> None:
        env.reset(options={"scenario": Scenario(task=task, factor=factor, episode=episode)})

    for name in ("no_var", *names):
        start(name, 0)
    times: dict[str, list[float]] = {name: [] for name in ("no_var", *names)}
    for episode in range(1, 21):
        for name, taken in times.items():
            taken.append(cpu_ms(lambda name=name, episode=episode: start(name, episode), 1))
    control = float(np.mean(times["no_var"]))
    for name in names:
        report(task, f"reset, {name}", float(np.mean(times[name])), control, "control's reset")
    env.close()


def keypose(task: str) -> None:
    """A keypose action without cameras against as many raw steps as it simulated."""
    env: Any = gymnasium.make(f"hamster_bench/{task}-v0", cameras=()).unwrapped
    rng = np.random.default_rng(0)
    ours, raw = [], []
    for episode in range(40):
        env.reset(options={"scenario": Scenario(task=task, episode=episode)})
        model, data = env.simulation.scene.model, env.simulation.data
        for _ in range(3):
            action = np.array([*rng.uniform([0.1, -0.3, 0.8], [0.45, 0.3, 1.1]), 1.0, 0.0, 0.0, 0.0, rng.integers(2), 0.0])
            start = time.process_time()
            info = env.step(action)[-1]
            elapsed = time.process_time() - start
            if info["failure"] is None:
                steps = round(info["control_steps"] / (CONTROL_RATE * model.opt.timestep))
                ours.append(elapsed)
                raw.append(cpu_ms(lambda model=model, data=data, steps=steps: mujoco.mj_step(model, data, steps), 1) / 1e3)
    report(task, "keypose action", 1e3 * float(np.median(ours)), 1e3 * float(np.median(raw)), "same number of steps")
    env.close()


def control_step(task: str) -> None:
    """A 20 Hz joint_position step with one camera; the overhead is what is neither MuJoCo's step nor its draw."""
    env: Any = gymnasium.make(f"hamster_bench/{task}-v0", action_mode="joint_position", renderer="gl")
    env.reset(seed=0)
    inner = env.unwrapped
    renderer, data, model = inner._renderer, inner.simulation.data, inner.simulation.scene.model
    action = np.append(inner.simulation.controller.joints, 1.0)
    substeps = round(1.0 / (CONTROL_RATE * model.opt.timestep))

    def raw() -> None:
        for _ in range(substeps):
            mujoco.mj_step(model, data)
        mujoco.mjv_updateScene(renderer._model, data, renderer._option, renderer._perturb, renderer._camera, 7, renderer._scene)
        mujoco.mjr_render(renderer._rect, renderer._scene, renderer._context)
        mujoco.mjr_readPixels(renderer._rgb, renderer._depth, renderer._rect, renderer._context)

    env.step(action)
    ours, bare = [], []
    for _ in range(300):  # in turn, so that a change of the machine's speed falls on both
        ours.append(cpu_ms(lambda: env.step(action), 1))
        bare.append(cpu_ms(raw, 1))
    report(task, "joint_position step, one camera", float(np.median(ours)), float(np.median(bare)), "steps + draw + read")
    env.close()


def memory(task: str, episodes: int) -> None:
    """Growth of resident memory between episode 50 and the last."""
    env: Any = gymnasium.make(f"hamster_bench/{task}-v0")
    process = psutil.Process()
    after_50 = 0.0
    for episode in range(episodes):
        env.reset(options={"scenario": Scenario(task=task, episode=episode)})
        env.step(np.array([0.3, 0.1, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]))
        if episode == 49:
            after_50 = process.memory_info().rss / 2**20
    now = process.memory_info().rss / 2**20
    print(
        f"{task:28s} resident after episode 50: {after_50:.0f} MB, after {episodes}: {now:.0f} MB, growth {now - after_50:+.1f} MB"
    )
    env.close()


def drawing() -> None:
    """A path of five points drawn over a 128 x 128 image, against a copy of the image."""
    rng = np.random.default_rng(0)
    image = np.zeros((128, 128, 3), np.uint8)
    paths = [Path2D(rng.uniform(0.0, 1.0, (5, 2)), rng.integers(0, 2, 5)) for _ in range(600)]
    for style in DRAWING_STYLES.names():
        given = iter(paths)
        ours = cpu_ms(lambda given=given, style=style: draw_path(image, next(given), style), len(paths))
        report("paths", f"drawing, style {style}", ours, cpu_ms(image.copy, 200), "copy of the image")


def answers() -> None:
    """A planner's answer of five points read, and the slowest of the longest texts that are read at all, against JSON."""
    path = Path2D(np.random.default_rng(0).uniform(0.0, 1.0, (5, 2)), [1, 1, 0, 0, 1])
    text, stored = write_answer(path), path.to_json()
    report("paths", "reading an answer", cpu_ms(lambda: parse_answer(text), 500), cpu_ms(lambda: json.loads(stored), 500), "JSON")

    def refused(long: str) -> None:
        with contextlib.suppress(AnswerError):
            parse_answer(long)

    longest = [
        (unit * MAX_ANSWER_LENGTH)[:MAX_ANSWER_LENGTH] for unit in ("(", "<", "0,", "[%", "(.1,.2)", "<action>a ", "a(", "(9 ")
    ]
    slowest = max(cpu_ms(lambda long=long: refused(long), 5) for long in longest)
    same = json.dumps(longest[0])
    report("paths", f"hostile {MAX_ANSWER_LENGTH} characters", slowest, cpu_ms(lambda: json.loads(same), 20), "JSON text")


def sketching() -> None:
    """A path by the built-in planner (its bar: 300 ms on one core), against one product of two matrices of a thousand rows."""
    planner, image = make_planner("sketch"), np.zeros((128, 128, 3), np.uint8)
    context = PlannerContext.of_picture(image, "x")
    square = np.ones((1000, 1000), np.float32)
    ours = cpu_ms(lambda: planner.propose(image, "stack the cups", context), 9)
    report("planners", "a path by sketch", ours, cpu_ms(lambda: square @ square, 9), "1000 x 1000 product")


def objects() -> None:
    """The slowest distractor object made (its bar: 20 ms), against a sphere of 5,120 triangles by trimesh."""
    times = {name: min(cpu_ms(lambda name=name: make_object(name), 1) for _ in range(3)) for name in object_names()}
    slowest = max(times, key=times.__getitem__)
    report("distractors", slowest, times[slowest], cpu_ms(lambda: trimesh.creation.icosphere(4), 9), "icosphere")


def main() -> None:
    """Prints every figure for the tasks named, or for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=TASKS.names())
    parser.add_argument("--memory-episodes", type=int, default=500)
    arguments = parser.parse_args()
    drawing()
    answers()
    sketching()
    objects()
    for task in arguments.tasks:
        for part in (frame, reset, factors, keypose, control_step):
            part(task)
        memory(task, arguments.memory_episodes)


if __name__ == "__main__":
    main()
