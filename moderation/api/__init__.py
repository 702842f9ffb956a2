"""The HTTP side: wire shapes, controllers, and the one table from errors to answers."""
