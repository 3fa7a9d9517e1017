"""The event loop that all callers share: how late it is, and how long work takes turns on it."""
