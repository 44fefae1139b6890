"""Running agents over scenarios, storing every outcome, and the statistics of both."""
