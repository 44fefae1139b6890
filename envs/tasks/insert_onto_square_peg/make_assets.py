"""Makes meshes and texture of ring, pillars and base.

Run: ``python -m hamster_bench.envs.tasks.insert_onto_square_peg.make_assets``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hamster_bench.envs.mujoco.assets.meshing import Mesh, merged, rounded_box, write_obj
from hamster_bench.envs.mujoco.assets.texturing import save_png, wood


def ring() -> Mesh:
    """Four bars of 50 x 10 x 10 mm that overlap at the corners."""
    along_x = rounded_box((0.05, 0.01, 0.01), 0.0015, segments=2)
    along_y = rounded_box((0.01, 0.05, 0.01), 0.0015, segments=2)
    return merged(
        [along_x.moved((0, 0.02, 0)), along_x.moved((0, -0.02, 0)), along_y.moved((0.02, 0, 0)), along_y.moved((-0.02, 0, 0))]
    )


def main() -> None:
    """Writes meshes and texture beside this script."""
    here = Path(__file__).parent
    write_obj(here / "square_ring.obj", ring())
    write_obj(here / "pillar.obj", rounded_box((0.025, 0.025, 0.12), 0.0015))
    write_obj(here / "square_base.obj", rounded_box((0.4, 0.1, 0.02), 0.003, segments=2, texture_size=0.4))
    save_png(here / "wood.png", wood((256, 256), np.random.default_rng(41), (0.62, 0.58, 0.54), (1.0, 0.97, 0.93)), colors=32)


if __name__ == "__main__":
    main()
