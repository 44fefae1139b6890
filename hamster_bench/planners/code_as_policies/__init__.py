"""The planner `code_as_policies`: a model writes a short program, and its poses are the path."""
