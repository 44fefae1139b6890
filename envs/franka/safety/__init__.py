"""Rules every command to the arm has to pass; see `hamster_bench.envs.franka.safety.rules`."""
