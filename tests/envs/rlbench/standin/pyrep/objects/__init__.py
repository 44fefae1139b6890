from pyrep.objects.dummy import Dummy
from pyrep.objects.shape import Shape
from pyrep.objects.vision_sensor import VisionSensor

__all__ = ["Dummy", "Shape", "VisionSensor"]
