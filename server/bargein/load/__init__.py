"""Fake callers: people who talk with a voice server, talk over it, and note what they heard."""
