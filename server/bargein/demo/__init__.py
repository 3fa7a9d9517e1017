"""The bundled demo model: a Chat Completions server that really speaks, for trying, testing and load runs.

It is a separate process reached over HTTP like any other model; nothing of the voice server runs in it, and the voice
server never sees what it logs. ``README.md`` beside this file is its manual.
"""
