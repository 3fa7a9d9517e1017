"""``POST /v1/chat/completions``: one turn over HTTP, for callers without a WebSocket.

``policy`` says what may be asked with the operator's key, ``exchange`` asks and answers.
"""

from bargein.gateway.push_to_talk.exchange import Completions, Exchange, PushToTalk
from bargein.gateway.push_to_talk.policy import ChatPolicy

__all__ = ["ChatPolicy", "Completions", "Exchange", "PushToTalk"]
