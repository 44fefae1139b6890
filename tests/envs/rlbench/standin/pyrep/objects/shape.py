from pyrep.backend import world
from pyrep.objects.object import Object


class Shape(Object):
    def get_color(self):
        return world.colors[self._name]

    def set_color(self, color):
        world.colors[self._name] = tuple(map(float, color))
