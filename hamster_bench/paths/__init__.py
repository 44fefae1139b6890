"""2D paths of the gripper in the image: the type, its simplification, projection, drawing, text and distances."""

from hamster_bench.paths.arrays import MAX_POINTS, path_from_arrays, path_to_arrays
from hamster_bench.paths.distances import ChangeError, dtw_distance, frechet_distance, gripper_change_error
from hamster_bench.paths.draw import DRAWING_STYLES, PathDrawing, draw_path, rasterise_path
from hamster_bench.paths.grammar import ParsedAnswer, parse_answer, write_answer
from hamster_bench.paths.path import Path2D
from hamster_bench.paths.projection import project_track
from hamster_bench.paths.resample import EQUAL_STEPS, NOISE_DEVIATION, resampled, with_noise

__all__ = [
    "DRAWING_STYLES",
    "EQUAL_STEPS",
    "MAX_POINTS",
    "NOISE_DEVIATION",
    "ChangeError",
    "ParsedAnswer",
    "Path2D",
    "PathDrawing",
    "draw_path",
    "dtw_distance",
    "frechet_distance",
    "gripper_change_error",
    "parse_answer",
    "path_from_arrays",
    "path_to_arrays",
    "project_track",
    "rasterise_path",
    "resampled",
    "with_noise",
    "write_answer",
]
