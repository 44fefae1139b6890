"""Makes the meshes of cube and stick. Run: ``python -m hamster_bench.envs.tasks.reach_and_drag.make_assets``."""

from __future__ import annotations

from pathlib import Path

from hamster_bench.envs.mujoco.assets.meshing import rounded_box, write_obj


def main() -> None:
    """Writes the meshes beside this script."""
    here = Path(__file__).parent
    write_obj(here / "drag_cube.obj", rounded_box((0.08, 0.08, 0.08), radius=0.003, segments=2))
    write_obj(here / "drag_stick.obj", rounded_box((0.0128, 0.0128, 0.36), radius=0.0015, segments=2))


if __name__ == "__main__":
    main()
