"""Stand-in for PyRep: a kinematic world of a robot and a few objects, with PyRep's own names."""

from __future__ import annotations

import os
import time

import numpy as np

from pyrep.backend import world
from pyrep.errors import PyRepError
from pyrep.objects.shape import Shape

__version__ = "4.1.0.3"


class PyRep:
    _alive = False

    def __init__(self):
        if "COPPELIASIM_ROOT" not in os.environ:
            raise PyRepError("COPPELIASIM_ROOT not defined. See installation instructions.")
        if not os.path.exists(os.environ["COPPELIASIM_ROOT"]):
            raise PyRepError("COPPELIASIM_ROOT was not a correct path. See installation instructions.")
        self.running = False

    def launch(self, scene_file="", headless=False):
        if not os.environ.get("DISPLAY"):
            os.abort()
        if PyRep._alive:
            time.sleep(10**6)
        PyRep._alive = True
        world.start()

    def start(self):
        world.fault("start")
        self.running = True

    def stop(self):
        if self.running:
            self.running = False
            for _ in range(5):
                self.step()

    def shutdown(self):
        if not PyRep._alive:
            raise PyRepError("CoppeliaSim has not been launched. Call launch first.")
        self.stop()
        PyRep._alive = False

    def step(self):
        world.fault("step")
        world.step()

    def import_model(self, filename):
        return world.load_task(os.path.basename(filename)[:-4])

    def get_objects_in_tree(self, root_object=None, object_type=None):
        return [thing for thing in world.objects() if object_type in (None, thing.get_type())]

    def set_configuration_tree(self, tree):
        world.restore(tree)


__all__ = ["PyRep", "Shape", "np"]
