from enum import Enum


class ObjectType(Enum):
    ALL = -2
    SHAPE = 0
    JOINT = 1
    DUMMY = 4
    VISION_SENSOR = 9
    PATH = 8


class RenderMode(Enum):
    OPENGL = 0
    OPENGL3 = 7


class ConfigurationPathAlgorithms(Enum):
    RRTConnect = "RRTConnect"
    SBL = "SBL"
