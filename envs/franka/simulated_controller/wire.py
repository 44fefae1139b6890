"""Layout of what travels between the controller and its client: little-endian, packed, protocol 10 of the research interface.

Poses are 16 numbers, column by column. Facts from the client library's public headers and observed traffic.
"""

from __future__ import annotations

import struct
from enum import IntEnum

import numpy as np

ROBOT_PORT = 1337
HAND_PORT = 1338
PROTOCOL = 10
HAND_PROTOCOL = 3

# command, its number, size of the message; the size counts this header too.
ROBOT_HEADER = struct.Struct("<III")
HAND_HEADER = struct.Struct("<HII")
CONNECT = struct.Struct("<HH")
MOVE = struct.Struct("<II3d3dB7d")
GRASP = struct.Struct("<5d")
HAND_MOVE = struct.Struct("<2d")
HAND_STATE = struct.Struct("<IddBH")

ERROR_COUNT = 41


class RobotCommand(IntEnum):
    """Requests of the robot service."""

    CONNECT = 0
    MOVE = 1
    STOP_MOVE = 2
    SET_COLLISION_BEHAVIOR = 3
    SET_JOINT_IMPEDANCE = 4
    SET_CARTESIAN_IMPEDANCE = 5
    SET_GUIDING_MODE = 6
    SET_EE_TO_K = 7
    SET_NE_TO_EE = 8
    SET_LOAD = 9
    AUTOMATIC_ERROR_RECOVERY = 10
    GET_ROBOT_MODEL = 11


class MoveStatus(IntEnum):
    """Answers to a Move."""

    OK = 0
    STARTED = 1
    PREEMPTED = 2
    NOT_POSSIBLE = 5
    SINGULAR_START = 6
    INVALID_ARGUMENT = 7
    REFLEX = 8
    EMERGENCY = 9
    INPUT_ERROR = 10
    ABORTED = 11


class RecoveryStatus(IntEnum):
    """Answers to AutomaticErrorRecovery."""

    OK = 0
    NOT_POSSIBLE = 1
    MANUAL_RECOVERY_NEEDED = 3
    EMERGENCY = 5


class HandCommand(IntEnum):
    """Requests of the hand's service."""

    CONNECT = 0
    HOMING = 1
    GRASP = 2
    MOVE = 3
    STOP = 4


class HandStatus(IntEnum):
    """Answers of the hand's service."""

    SUCCESS = 0
    FAILED = 1
    UNSUCCESSFUL = 2
    ABORTED = 3


class Generator(IntEnum):
    """What a Move gives every millisecond."""

    JOINT_POSITION = 0
    JOINT_VELOCITY = 1
    CARTESIAN_POSE = 2
    CARTESIAN_VELOCITY = 3
    NONE = 4


TORQUE_CONTROLLER = 2
IDLE_CONTROLLER = 3


class RobotMode(IntEnum):
    """Modes in the state."""

    OTHER = 0
    IDLE = 1
    MOVE = 2
    GUIDING = 3
    REFLEX = 4
    USER_STOPPED = 5
    AUTOMATIC_RECOVERY = 6


class ErrorFlag(IntEnum):
    """Index of an error in the state's flags."""

    JOINT_REFLEX = 6
    CARTESIAN_REFLEX = 7
    JOINT_START_POSE_INVALID = 11
    JOINT_POSITION_LIMITS = 12
    JOINT_VELOCITY_LIMITS = 13
    JOINT_VELOCITY_DISCONTINUITY = 14
    CARTESIAN_START_POSE_INVALID = 16
    CARTESIAN_VELOCITY_LIMITS = 18
    CARTESIAN_VELOCITY_DISCONTINUITY = 19
    COMMUNICATION_CONSTRAINTS = 25
    CARTESIAN_JOINT_POSITION_LIMITS = 27
    CARTESIAN_JOINT_VELOCITY_LIMITS = 28
    TORQUE_DISCONTINUITY = 32


_STATE_REALS = (
    ("O_T_EE", 16),
    ("O_T_EE_d", 16),
    ("F_T_EE", 16),
    ("EE_T_K", 16),
    ("F_T_NE", 16),
    ("NE_T_EE", 16),
    ("m_ee", 1),
    ("I_ee", 9),
    ("F_x_Cee", 3),
    ("m_load", 1),
    ("I_load", 9),
    ("F_x_Cload", 3),
    ("elbow", 2),
    ("elbow_d", 2),
    ("tau_J", 7),
    ("tau_J_d", 7),
    ("dtau_J", 7),
    ("q", 7),
    ("q_d", 7),
    ("dq", 7),
    ("dq_d", 7),
    ("ddq_d", 7),
    ("joint_contact", 7),
    ("cartesian_contact", 6),
    ("joint_collision", 7),
    ("cartesian_collision", 6),
    ("tau_ext_hat_filtered", 7),
    ("O_F_ext_hat_K", 6),
    ("K_F_ext_hat_K", 6),
    ("O_dP_EE_d", 6),
    ("O_ddP_O", 3),
    ("elbow_c", 2),
    ("delbow_c", 2),
    ("ddelbow_c", 2),
    ("O_T_EE_c", 16),
    ("O_dP_EE_c", 6),
    ("O_ddP_EE_c", 6),
    ("theta", 7),
    ("dtheta", 7),
    ("accelerometer_top", 18),
    ("accelerometer_bottom", 18),
)

STATE = np.dtype(
    [
        ("message_id", "<u8"),
        *((name, "<f4", (count,)) for name, count in _STATE_REALS),
        ("motion_generator_mode", "u1"),
        ("controller_mode", "u1"),
        ("errors", "u1", (ERROR_COUNT,)),
        ("reflex_reason", "u1", (ERROR_COUNT,)),
        ("robot_mode", "u1"),
        ("control_command_success_rate", "<f4"),
    ]
)
COMMAND = np.dtype(
    [
        ("message_id", "<u8"),
        ("q_c", "<f8", (7,)),
        ("dq_c", "<f8", (7,)),
        ("O_T_EE_c", "<f8", (16,)),
        ("O_dP_EE_c", "<f8", (6,)),
        ("elbow_c", "<f8", (2,)),
        ("valid_elbow", "u1"),
        ("motion_generation_finished", "u1"),
        ("tau_J_d", "<f8", (7,)),
        ("torque_command_finished", "u1"),
    ]
)
# The client refuses any other size.
if (STATE.itemsize, COMMAND.itemsize, MOVE.size, HAND_STATE.size) != (1377, 371, 113, 23):
    raise AssertionError("the layout of the research interface is broken")
