"""Spam and toxicity classifiers: train, judge, compile, explain and keep versions of comment models."""
