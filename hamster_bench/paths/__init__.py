"""2D paths of the gripper in the image: the type, its simplification, projection, drawing and array form."""

from hamster_bench.paths.arrays import MAX_POINTS, path_from_arrays, path_to_arrays
from hamster_bench.paths.draw import DRAWING_STYLES, PathDrawing, draw_path, rasterise_path
from hamster_bench.paths.grammar import ParsedAnswer, parse_answer, write_answer
from hamster_bench.paths.path import Path2D
from hamster_bench.paths.projection import project_track

__all__ = [
    "DRAWING_STYLES",
    "MAX_POINTS",
    "ParsedAnswer",
    "Path2D",
    "PathDrawing",
    "draw_path",
    "parse_answer",
    "path_from_arrays",
    "path_to_arrays",
    "project_track",
    "rasterise_path",
    "write_answer",
]
