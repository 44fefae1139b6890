"""Pick up the hockey stick and hit the ball into the goal."""
