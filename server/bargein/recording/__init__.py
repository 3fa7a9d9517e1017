"""Live calls as files of (time, event), with which they can be replayed: for debugging, off unless a setting asks.

:mod:`~bargein.recording.codec` writes events as JSON and reads them again, :mod:`~bargein.recording.recorder` puts them
into files beside the event loop, :mod:`~bargein.recording.reading` reads a file for
:func:`bargein.core.recorded.replay`.
"""

from __future__ import annotations

from bargein.recording.reading import RecordedCall, RecordingError, read_call
from bargein.recording.recorder import CallRecording, Recorder

__all__ = ["CallRecording", "RecordedCall", "Recorder", "RecordingError", "read_call"]
