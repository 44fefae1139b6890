"""The real Franka arm, and a simulated controller that speaks its research interface."""
