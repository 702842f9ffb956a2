"""Webhooks: how sites learn by themselves what became of their comments."""
