"""The sans-IO core: what a conversation is, without sockets, clocks, randomness or third-party packages.

Events go in, actions come out, and time is an argument::

    conversation = Conversation(config, policy, new_id, measures, aligner)
    for action in conversation.handle(event, now):
        ...
    at = conversation.next_timer(now)

What is named here is the public surface: :mod:`~bargein.core.events` and :mod:`~bargein.core.actions` hold the members
of the unions, :mod:`~bargein.core.decisions` why something was done, :mod:`~bargein.core.items` and
:mod:`~bargein.core.completion` what they are about.
"""

from __future__ import annotations

from bargein.core import actions, completion, decisions, events, items
from bargein.core.actions import Action
from bargein.core.audio import AudioFormat, Encoding
from bargein.core.config import CorePolicy, ResponseSettings, SessionConfig, Transcription, TurnDetection
from bargein.core.conversation import Conversation
from bargein.core.decisions import Decision
from bargein.core.events import Event, Window
from bargein.core.floor import AgentState, CallerState
from bargein.core.measures import Measures
from bargein.core.recorded import Replayed, replay, replaying
from bargein.core.words import WordAligner

__all__ = [
    "Action",
    "AgentState",
    "AudioFormat",
    "CallerState",
    "Conversation",
    "CorePolicy",
    "Decision",
    "Encoding",
    "Event",
    "Measures",
    "Replayed",
    "ResponseSettings",
    "SessionConfig",
    "Transcription",
    "TurnDetection",
    "Window",
    "WordAligner",
    "actions",
    "completion",
    "decisions",
    "events",
    "items",
    "replay",
    "replaying",
]
