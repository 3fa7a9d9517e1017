"""A caller's own request: what is read of an answer whose sound stays as its server encoded it."""

from __future__ import annotations

import pytest

from bargein.core.completion import Finished, TranscriptPiece
from bargein.upstream.plain import EncodedAudio, encoded_pieces

MP3 = "SUQzBAAAAAAAI1RTU0UAAAAPAAADTGF2ZjU4LjI5LjEwMAAAAAAAAAAAAAAA"


@pytest.mark.parametrize(
    ("odd", "said"), [(b"Hi", "Hi"), (rb"Hi \ud83d!", "Hi \ufffd!"), (b"Hi \xf0\x9f!", "Hi \ufffd!"), (b"Hi\n", "Hi\n")]
)
def test_encoded_sound_beside_words_that_are_json_only_nearly(odd: bytes, said: str) -> None:
    audio = b'{"id": "", "data": "%s", "transcript": "%s"}' % (MP3.encode(), odd)
    body = b'{"choices": [{"message": {"content": null, "audio": %s}, "finish_reason": "stop"}]}' % audio
    assert encoded_pieces(body, None) == [TranscriptPiece(said), EncodedAudio(MP3), Finished("stop")]
