"""3D Diffuser Actor: a keypose policy that denoises the next pose of the gripper in a scene of 3D tokens (Ke et al. 2024)."""
