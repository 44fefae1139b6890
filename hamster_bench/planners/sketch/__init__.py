"""The planner that is built in: a small vision-language model trained on simulated paths."""
