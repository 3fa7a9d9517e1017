"""Chat Completions with audio as its clients speak it, pure: requests checked, answers written.

The gateway's push to talk and the demo model are the two that are spoken to like this.
"""

from bargein.wire.chat.answer import ChunkWriter, WholeAnswer, error_event
from bargein.wire.chat.long_strings import LongStrings, take_out
from bargein.wire.chat.request import ChatRequest, parse_chat, parse_json

__all__ = [
    "ChatRequest",
    "ChunkWriter",
    "LongStrings",
    "WholeAnswer",
    "error_event",
    "parse_chat",
    "parse_json",
    "take_out",
]
