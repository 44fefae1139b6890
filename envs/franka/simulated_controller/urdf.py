"""The robot description that the controller hands to its client."""

from __future__ import annotations

from hamster_bench.envs.franka.kinematics import FLANGE_LENGTH
from hamster_bench.envs.franka.models import ArmModel

# Position [m] and roll [quarter turns] of the joints as in `hamster_bench.envs.franka.kinematics`.
_ORIGINS = (
    ("0 0 0.333", 0),
    ("0 0 0", -1),
    ("0 -0.316 0", 1),
    ("0.0825 0 0", 1),
    ("-0.0825 0.384 0", -1),
    ("0 0 0", 1),
    ("0.088 0 0", 1),
)
_QUARTER = 1.5707963267948966
# Masses [kg], centres of mass [m] and principal inertias [kg m^2] of links 1 to 7: those identified by Gaz et al. (2019), off-diagonal
# terms left out; the client's model of the dynamics is made from them.
_INERTIAS = (
    (4.970684, "0.003875 0.002081 -0.04762", (0.70337, 0.70661, 0.009117)),
    (0.646926, "-0.003141 -0.02872 0.003495", (0.007962, 0.02811, 0.025995)),
    (3.228604, "0.027518 0.039252 -0.066502", (0.037242, 0.036155, 0.01083)),
    (3.587895, "-0.05317 0.104419 0.027454", (0.025853, 0.019552, 0.028323)),
    (1.225946, "-0.011953 0.041065 -0.038437", (0.035549, 0.029474, 0.008627)),
    (1.666555, "0.060149 -0.014117 -0.010517", (0.001964, 0.004354, 0.005433)),
    (0.735522, "0.010517 -0.004252 0.061597", (0.012516, 0.010027, 0.004815)),
)


def urdf(model: ArmModel) -> str:
    """URDF text of an arm: kinematics, inertias and joint limits, which is all the client reads."""
    parts = [
        '<?xml version="1.0"?><robot name="arm"><link name="base"/><link name="link0"/>',
        _fixed("base_joint", "base", "link0"),
    ]
    for number, (mass, centre, (xx, yy, zz)) in enumerate(_INERTIAS, start=1):
        parts.append(
            f'<link name="link{number}"><inertial><origin xyz="{centre}"/><mass value="{mass}"/>'
            f'<inertia ixx="{xx}" iyy="{yy}" izz="{zz}" ixy="0" ixz="0" iyz="0"/></inertial></link>'
        )
    # The flange's mass must not be zero for the client's rigid body library.
    parts.append(
        '<link name="link8"><inertial><origin xyz="0 0 0"/><mass value="0.001"/>'
        '<inertia ixx="1e-6" iyy="1e-6" izz="1e-6" ixy="0" ixz="0" iyz="0"/></inertial></link>'
    )
    for number, (xyz, roll) in enumerate(_ORIGINS):
        parts.append(
            f'<joint name="joint{number + 1}" type="revolute"><origin xyz="{xyz}" rpy="{roll * _QUARTER!r} 0 0"/>'
            f'<parent link="link{number}"/><child link="link{number + 1}"/><axis xyz="0 0 1"/>'
            f'<limit lower="{model.joint_lower[number]}" upper="{model.joint_upper[number]}" '
            f'velocity="{model.joint_velocity[number]}" effort="{model.torque[number]}"/>'
            f'<position_based_velocity_limits velocity_offset="{model.velocity_offset[number]}" '
            f'deceleration_limit="{model.deceleration[number]}"/></joint>'
        )
    parts.append(_fixed("joint8", "link7", "link8", f"0 0 {FLANGE_LENGTH}"))
    return "".join(parts) + "</robot>"


def _fixed(name: str, parent: str, child: str, xyz: str = "0 0 0") -> str:
    return f'<joint name="{name}" type="fixed"><origin xyz="{xyz}"/><parent link="{parent}"/><child link="{child}"/></joint>'
