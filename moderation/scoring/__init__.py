"""Scoring: facts in, signals and a verdict out. No Redis, no HTTP, no clock."""
