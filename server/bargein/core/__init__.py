"""The sans-IO core: what a conversation is, without sockets, clocks, randomness or third-party packages."""
