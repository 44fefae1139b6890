"""Training of policies from demonstrations; what is particular to a policy is a `learner.Learner`."""
