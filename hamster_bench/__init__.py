"""HAMSTER-Bench: a benchmark for manipulation policies, above all hierarchical ones."""

from hamster_bench.envs.registration import register_environments

__version__ = "0.1.0"

register_environments()
