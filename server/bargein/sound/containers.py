"""Sound that is neither PCM16 nor WAV, recognised by how it begins: played as samples it is noise at full volume."""

from __future__ import annotations

import re
from typing import Final

LONGEST_HEAD_BYTES: Final = 8192
"""By then it is known: the longest frame of MPEG audio, and the beginning of the next."""

_NAMES: Final = {
    b"ID3": "MP3",
    b"OggS": "Ogg (Opus or Vorbis)",
    b"fLaC": "FLAC",
    b"\x1aE\xdf\xa3": "WebM",
    b"FORM": "AIFF",
    b".snd": "AU",
    b"caff": "CAF",
    b"RIFX": "big-endian WAV",
    b"RF64": "RF64",
    b"BW64": "BW64",
    b"ADIF": "AAC",
    b"#!AMR": "AMR",
    b"\x02#!SILK": "SILK",
    b"#!SILK": "SILK",
    b"OpusHead": "Opus",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "WMA",
}
_CERTAIN: Final = re.compile(
    rb"(?P<MP3>ID3[\x02-\x04]\x00[\x00\x10\x20\x40\x80\xc0][\x00-\x7f]{4})"
    rb"|(?P<Ogg>OggS\x00[\x00-\x07])"
    rb"|(?P<FLAC>fLaC[\x00\x80]\x00\x00\x22)"
    rb"|(?P<WebM>\x1aE\xdf\xa3.{1,8}?\x42[\x82\x85-\x87\xf2\xf3\xf7])"
    rb"|(?P<AIFF>FORM.{4}AIF[CF])"
    rb"|(?P<AU>\.snd\x00\x00.{6}\x00\x00\x00[\x01-\x1b])"
    rb"|(?P<CAF>caff\x00\x01\x00\x00)"
    rb"|(?P<RIFX>RIFX.{4}WAVE)"
    rb"|(?P<RF64>(?:RF64|BW64).{4}WAVE)"
    rb"|(?P<AMR>#!AMR(?:-WB)?\n)"
    rb"|(?P<SILK>\x02?#!SILK_V3)"
    rb"|(?P<Opus>OpusHead)"
    rb"|(?P<WMA>\x30\x26\xb2\x75\x8e\x66\xcf\x11)"
    rb"|(?P<MP4>\x00\x00[\x00-\x0f].ftyp)",
    re.DOTALL,
)
"""Beginnings of which 40 bits and more are always the same: no samples look like one in years of speech."""
_CERTAIN_BYTES: Final = frozenset(b"IOf\x1aF.cRB#\x02\x30\x00")
"""One of these is the first."""
_CERTAIN_FRAMES: Final = 4
"""So many frames of MPEG audio in a row are no samples: each is where the one before it says."""
_FRAME_HEAD_BYTES: Final = 6
"""Their length stands in these."""
_LAYER_3_KBPS: Final = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of MPEG-1 and of MPEG-2 and 2.5 (ISO/IEC 11172-3 and 13818-3)."""
_MP3_SYNC: Final = 0xE2
_ADTS_SYNC: Final = 0xF0
_RATES_HZ: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def container_of(head: bytes, *, at_end: bool = False) -> str | None:
    """What a sound is that begins with ``head``: a name for people, or an empty string for samples or WAV.

    :param at_end: no more will come.
    :returns: ``None``: more of it is needed.
    """
    if not head:
        return None
    for signature, name in _NAMES.items():
        if head.startswith(signature):
            return name
    if head[4:8] == b"ftyp":
        return "MP4 (AAC)"
    if b"RIFF".startswith(head[:4]) and len(head) < 12:
        return "" if at_end else None
    if head[:4] == b"RIFF" and head[8:12] != b"WAVE":
        return "RIFF without WAVE"
    if any(signature.startswith(head) for signature in _NAMES):
        return "" if at_end else None
    return _mpeg(head, at_end=at_end)


class Containers:
    """Looks whether sound that began as samples goes on as something else, piece by piece.

    Only what no samples could be is recognised, and only where a piece begins with it. Frames of MPEG audio may be cut
    between pieces, if the first of them begins one.
    """

    __slots__ = ("_due_bytes", "_frame", "_frame_count", "_part")

    def __init__(self) -> None:
        self._frame_count = 0
        """That have followed one another, to the end of the last piece."""
        self._frame = b""
        """How the last of them begins."""
        self._due_bytes = 0
        """What is still to come of it."""
        self._part = b""
        """What there is of the next one's head."""

    def of(self, piece: bytes) -> str:
        """What the sound is that goes on with ``piece``: a name for people, or an empty string for samples or WAV."""
        if not piece:
            return ""
        if piece[0] in _CERTAIN_BYTES and (found := _CERTAIN.match(piece)):
            return str(found.lastgroup)
        goes_on = bool(self._frame_count or self._part) and self._has_frames(piece)
        if not goes_on and piece[0] == 0xFF:
            self._due_bytes, self._part = 0, b""
            goes_on = self._has_frames(piece)
        if not goes_on or self._frame_count < _CERTAIN_FRAMES:
            return ""
        return "MP3" if self._frame[1] & 0xE6 == _MP3_SYNC else "AAC"

    def _has_frames(self, piece: bytes) -> bool:
        """Whether frames go on to the end of ``piece``."""
        piece, at = self._part + piece, self._due_bytes
        self._part, self._due_bytes = b"", 0
        while len(piece) - at >= _FRAME_HEAD_BYTES:
            frame = piece[at : at + _FRAME_HEAD_BYTES]
            frame_bytes = _frame_bytes(frame)
            if not frame_bytes or (self._frame_count and not _are_alike(self._frame, frame)):
                self._frame_count = 0
                return False
            self._frame, self._frame_count = frame, self._frame_count + 1
            at += frame_bytes
        self._part = piece[at:]
        self._due_bytes = max(0, at - len(piece))
        return True


def _frame_bytes(frame: bytes) -> int:
    """The length of the frame of MPEG audio that begins with these bytes; 0 where none does."""
    if frame[0] != 0xFF:
        return 0
    return _mp3_frame_bytes(frame) or _adts_frame_bytes(frame)


def _are_alike(frame: bytes, following: bytes) -> bool:
    """Whether two frames are of one kind, at one rate."""
    return frame[1] & 0xFE == following[1] & 0xFE and frame[2] & 0x0C == following[2] & 0x0C


def _mpeg(head: bytes, *, at_end: bool) -> str | None:
    """Frames of MP3, or of AAC with ADTS headers.

    Their first two bytes can be a sample too, so the second frame must be where the first one says.
    """
    second = head[1] if len(head) > 1 else _MP3_SYNC
    if head[0] != 0xFF or (second & 0xE6 != _MP3_SYNC and second & 0xF6 != _ADTS_SYNC):
        return ""
    if len(head) < 6:
        return "" if at_end else None
    for name, frame_bytes in (("MP3", _mp3_frame_bytes(head)), ("AAC", _adts_frame_bytes(head))):
        if frame_bytes:
            following = head[frame_bytes : frame_bytes + 2]
            if len(following) == 2:
                return name if following[0] == 0xFF and following[1] & 0xFE == head[1] & 0xFE else ""
            return name if at_end else None
    return ""


def _mp3_frame_bytes(head: bytes) -> int:
    """The length of the frame that begins here; 0 where none does. Layer III only, and no free bit rates."""
    version = head[1] >> 3 & 3
    bit_rate, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if head[1] & 0xE6 != _MP3_SYNC or version == 1 or bit_rate in {0, 15} or rate == 3:
        return 0
    samples = 144 if version == 3 else 72
    return samples * 1000 * _LAYER_3_KBPS[version == 3][bit_rate] // _RATES_HZ[version][rate] + padding


def _adts_frame_bytes(head: bytes) -> int:
    """The same of AAC (ISO/IEC 13818-7)."""
    if head[1] & 0xF6 != _ADTS_SYNC or head[2] >> 2 & 15 > 12:
        return 0
    frame_bytes = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return frame_bytes if frame_bytes > 7 else 0
