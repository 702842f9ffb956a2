"""The verbs of the command `classifiers`, by what they do to versions: make, measure or move them."""
