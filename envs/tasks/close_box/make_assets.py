"""Makes the box's meshes and texture. Run: ``python -m hamster_bench.envs.tasks.close_box.make_assets``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hamster_bench.envs.mujoco.assets.meshing import Mesh, merged, rounded_box, write_obj
from hamster_bench.envs.mujoco.assets.texturing import grey, periodic_noise, save_png

_EDGE_RADIUS = 0.002
# One repeat of the texture covers a square of this edge [m].
_TEXTURE_SIZE = 0.18


def open_box() -> Mesh:
    """Four walls of 10 mm and a floor of 1 mm, in the axes of the task base, centred like the recorded object."""

    def panel(size: tuple[float, float, float], centre: tuple[float, float, float], radius: float = _EDGE_RADIUS) -> Mesh:
        return rounded_box(size, radius, texture_size=_TEXTURE_SIZE).moved(centre)

    return merged(
        [
            panel((0.36, 0.01, 0.15), (0.0, -0.125, 0.0003)),
            panel((0.36, 0.01, 0.15), (0.0, 0.125, 0.0003)),
            panel((0.01, 0.26, 0.15), (-0.175, 0.0, 0.0003)),
            panel((0.01, 0.26, 0.15), (0.175, 0.0, 0.0003)),
            panel((0.35, 0.25, 0.001), (0.0, 0.0, -0.0742), radius=0.0002),
        ]
    )


def felt() -> NDArray[np.float64]:
    """Pale felt with dark and light flecks, to be tinted by the colour of what it covers."""
    size = 256
    rng = np.random.default_rng(11)
    tone = 0.80 + 0.05 * periodic_noise((size, size), (8, 8), rng) + 0.07 * periodic_noise((size, size), (64, 64), rng)
    fibres = periodic_noise((size, size), (size, size // 4), rng) + periodic_noise((size, size), (size // 4, size), rng)
    tone += 0.06 * fibres
    flecks = periodic_noise((size, size), (90, 90), rng)
    tone -= 0.9 * np.clip(flecks - 0.62, 0.0, None)
    tone += 0.5 * np.clip(-flecks - 0.66, 0.0, None)
    return grey(tone)


def main() -> None:
    """Writes meshes and texture beside this script."""
    here = Path(__file__).parent
    write_obj(here / "box_base.obj", open_box())
    write_obj(here / "box_lid.obj", rounded_box((0.268, 0.35, 0.01), _EDGE_RADIUS, texture_size=_TEXTURE_SIZE))
    save_png(here / "felt.png", felt(), colors=32)


if __name__ == "__main__":
    main()
