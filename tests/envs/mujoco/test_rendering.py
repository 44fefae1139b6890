"""Images: what they show, that depth is metric, and what happens without OpenGL."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest

import hamster_bench  # noqa: F401
from hamster_bench.envs.colors import COLORS
from hamster_bench.envs.mujoco.gl import choose_platform
from hamster_bench.scenario import Scenario

SCENARIO = Scenario(task="slide_block_to_target", episode=0)
HAS_GL = choose_platform() in ("egl", "osmesa")
needs_gl = pytest.mark.skipif(not HAS_GL, reason="neither libEGL nor libOSMesa loads on this machine")


def observe(**options: Any) -> tuple[Any, dict[str, Any]]:
    env: Any = gymnasium.make("hamster_bench/slide_block_to_target-v0", **options).unwrapped
    observation, _ = env.reset(options={"scenario": SCENARIO})
    return env, observation


@needs_gl
def test_the_front_camera_is_where_rlbenchs_is() -> None:
    env, observation = observe()
    np.testing.assert_allclose(observation["front_extrinsics"][:3, 3], [1.35, 0.0, 1.58], atol=1e-6)
    np.testing.assert_allclose(observation["front_extrinsics"][:3, 2], [-0.9063, 0.0, -0.4226], atol=1e-4)
    np.testing.assert_allclose(observation["front_intrinsics"], [[175.8386, 0, 64], [0, 175.8386, 64], [0, 0, 1]], atol=1e-3)
    env.close()


@pytest.mark.parametrize("renderer", ["raycast", pytest.param("gl", marks=needs_gl)])
def test_depth_puts_things_where_they_are(renderer: str) -> None:
    env, observation = observe(renderer=renderer, segmentation=True)
    camera = env.camera("front")
    cloud = camera.point_cloud(observation["front_depth"])
    block = cloud[observation["front_segmentation"] == env.simulation.scene.body("block")]
    assert len(block) > 20
    centre = env.simulation.data.xpos[env.simulation.scene.body("block")]
    # Every visible point of the block lies on the cube of 56.25 mm, a little more for its turned edges.
    assert (np.linalg.norm(block - centre, axis=1) < 0.5 * np.sqrt(3) * 0.05625 + 2e-3).all()
    table = cloud[(observation["front_segmentation"] == 0) & (cloud[..., 0] > -0.4)]
    assert len(table) > 3000
    assert np.abs(table[:, 2] - 0.75).max() < 2e-3
    env.close()


@needs_gl
def test_rays_and_opengl_agree_in_depth() -> None:
    gl_env, drawn = observe(renderer="gl")
    ray_env, cast = observe(renderer="raycast")
    difference = np.abs(drawn["front_depth"] - cast["front_depth"])
    assert np.percentile(difference, 95) < 1e-3
    assert gl_env.renderer_name in ("egl", "osmesa")
    assert ray_env.renderer_name == "raycast"
    gl_env.close()
    ray_env.close()


@pytest.mark.parametrize("renderer", ["raycast", pytest.param("gl", marks=needs_gl)])
def test_every_colour_of_the_table_is_seen_as_such(renderer: str) -> None:
    env: Any = gymnasium.make("hamster_bench/stack_cups-v0", renderer=renderer, segmentation=True).unwrapped
    means = []
    for variation, (_, rgb) in enumerate(COLORS):
        observation, _ = env.reset(options={"scenario": Scenario(task="stack_cups", variation=variation)})
        mean = observation["front_rgb"][observation["front_segmentation"] == env.simulation.scene.body("cup2")].mean(axis=0)
        means.append(mean)
        shade = mean.max() / 255.0
        if max(rgb) > 0:
            np.testing.assert_allclose(mean / mean.max(), np.array(rgb) / max(rgb), atol=0.2)
            assert 0.4 * max(rgb) < shade <= max(rgb) + 0.1
    assert min(np.abs(a - b).max() for i, a in enumerate(means) for b in means[:i]) > 10
    env.close()


@needs_gl
def test_rays_and_opengl_agree_in_the_colour_of_whole_things() -> None:
    pictures = []
    for renderer in ("gl", "raycast"):
        env, observation = observe(renderer=renderer, segmentation=True)
        robot = np.isin(observation["front_segmentation"], [i for i in range(9) if i])
        table = (observation["front_segmentation"] == 0) & (
            env.camera("front").point_cloud(observation["front_depth"])[..., 0] > -0.4
        )
        pictures.append([observation["front_rgb"][part].mean(axis=0) for part in (robot, table)])
        env.close()
    np.testing.assert_allclose(pictures[0], pictures[1], atol=45)


@needs_gl
def test_an_environment_dropped_without_closing_leaves_the_images_of_others_alone() -> None:
    first, _ = observe(renderer="gl", image_size=48)
    second, before = observe(renderer="gl")
    del first
    gc.collect()
    after, _ = second.reset(options={"scenario": SCENARIO})
    np.testing.assert_array_equal(before["front_rgb"], after["front_rgb"])
    np.testing.assert_array_equal(before["front_depth"], after["front_depth"])
    second.close()


def test_a_program_that_ends_without_closing_its_environment_says_nothing() -> None:
    # A finalizer from before the GL platform is loaded makes all finalizers run after the platform has been shut down.
    program = (
        "import weakref\n"
        "class Thing: ...\n"
        "thing = Thing()\n"
        "weakref.finalize(thing, print)\n"
        "import gymnasium, hamster_bench\n"
        "env = gymnasium.make('hamster_bench/close_box-v0', image_size=32, renderer='gl')\n"
        "env.reset(seed=0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.parametrize(("word", "answer"), [("garbage", "is no OpenGL platform"), ("disable", "raycast")])
def test_a_platform_chosen_by_the_user_is_obeyed_or_refused(word: str, answer: str) -> None:
    program = (
        "import gymnasium, hamster_bench\n"
        "from hamster_bench.errors import HamsterBenchError\n"
        "try:\n"
        "    print(gymnasium.make('hamster_bench/close_box-v0', image_size=32).unwrapped.renderer_name)\n"
        "except HamsterBenchError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=os.environ | {"MUJOCO_GL": word}
    )
    assert answer in done.stdout


def test_segmentation_is_there_only_when_asked_for() -> None:
    env, observation = observe(renderer="raycast", image_size=32)
    assert "front_segmentation" not in observation
    env.close()


def test_without_cameras_there_is_no_renderer() -> None:
    program = (
        "import gymnasium, hamster_bench, sys\n"
        "env = gymnasium.make('hamster_bench/close_box-v0', cameras=())\n"
        "env.reset(seed=0)\n"
        "assert env.unwrapped.renderer_name is None\n"
        "assert not any(name.startswith('mujoco.egl.') or name == 'OpenGL.GL' for name in sys.modules), 'a GL library was used'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"MUJOCO_GL": "disable"})


# Stands in for a machine without GL libraries: loading one fails as it does there.
_HIDE_GL = """
import ctypes, ctypes.util
real = ctypes.CDLL
class Hidden(real):
    def __init__(self, name, *args, **kwargs):
        if name and any(part in str(name) for part in ("EGL", "OSMesa", "libGL")):
            raise OSError(f"{name}: cannot open shared object file: No such file or directory")
        super().__init__(name, *args, **kwargs)
ctypes.CDLL = Hidden
"""


def run_without_gl(program: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    return subprocess.run(
        [sys.executable, "-c", _HIDE_GL + program], check=False, capture_output=True, text=True, env=environment
    )


def test_missing_gl_libraries_are_named_with_their_packages_and_rays_serve_instead() -> None:
    done = run_without_gl(
        "import gymnasium, hamster_bench\n"
        "env = gymnasium.make('hamster_bench/close_box-v0', image_size=32)\n"
        "observation, info = env.reset(seed=0)\n"
        "print(env.unwrapped.renderer_name, observation['front_rgb'].std() > 5)\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["raycast", "True"]
    assert "apt-get install -y libegl1" in done.stderr


def test_opengl_asked_for_and_missing_is_an_error_with_the_command() -> None:
    done = run_without_gl(
        "import gymnasium, hamster_bench\n"
        "from hamster_bench.errors import RenderingUnavailableError\n"
        "try:\n"
        "    gymnasium.make('hamster_bench/close_box-v0', renderer='gl')\n"
        "except RenderingUnavailableError as error:\n"
        "    print(error)\n"
    )
    assert done.returncode == 0, done.stderr
    assert "apt-get install -y libegl1" in done.stdout


@needs_gl
def test_images_come_even_when_mujoco_was_imported_first() -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    program = (
        "import mujoco, gymnasium, hamster_bench\n"
        "env = gymnasium.make('hamster_bench/close_box-v0', renderer='gl', image_size=32)\n"
        "print(env.reset(seed=0)[0]['front_rgb'].std() > 5)\n"
        "env.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "True", done.stderr
    assert done.stderr == ""
