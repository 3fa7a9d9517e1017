"""The Realtime protocol as JSON and bytes: reading what callers send, writing what they are sent.

Pure: no IO, no clock, no randomness.
"""
