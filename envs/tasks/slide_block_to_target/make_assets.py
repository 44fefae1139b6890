"""Makes the block's mesh. Run: ``python -m hamster_bench.envs.tasks.slide_block_to_target.make_assets``."""

from __future__ import annotations

from pathlib import Path

from hamster_bench.envs.mujoco.assets.meshing import rounded_box, write_obj

_EDGE = 0.05625


def main() -> None:
    """Writes the mesh beside this script."""
    write_obj(Path(__file__).parent / "block.obj", rounded_box((_EDGE, _EDGE, _EDGE), radius=0.003, segments=2))


if __name__ == "__main__":
    main()
