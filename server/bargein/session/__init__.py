"""One caller: feeds the core, performs what it decides. Thin, and the only place where the core meets time and
sockets.
"""
