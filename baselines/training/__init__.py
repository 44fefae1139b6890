"""Training of policies from demonstrations: samples, the loop, its checkpoints and its figures; what is particular to a policy is a `Learner`."""
