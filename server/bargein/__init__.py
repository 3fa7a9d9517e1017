"""Bargein: a full-duplex voice server that makes any Chat Completions audio model interruptible."""
