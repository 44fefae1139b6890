"""The static site of a leaderboard, made from records alone."""
