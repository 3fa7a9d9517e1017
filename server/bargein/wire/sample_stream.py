"""From the bytes that a caller sends to whole samples of the format that it has declared.

Clients cut a stream of bytes anywhere, so a piece may end in the middle of a sample. Some put a WAV header before each
piece, or send what a recorder or an encoder gives them: that is read where it holds samples of the declared format, and
refused by name where it does not. Taken for samples it would be noise, or a voice at the wrong speed.
"""

from __future__ import annotations

import struct
from typing import Final

from bargein.core.audio import AudioFormat, Encoding
from bargein.errors import CallerError
from bargein.sound.containers import container_of
from bargein.sound.wav import NotWavError, SampleFormat, read_format

RIFF: Final = b"RIFF"
"""How a WAV file begins."""

_WAV_KINDS: Final = {Encoding.PCM16: (1, 16), Encoding.PCMA: (6, 8), Encoding.PCMU: (7, 8)}
_KIND_NAMES: Final = {1: "linear", 3: "floating point", 6: "A-law", 7: "µ-law"}
_LONGEST_HEADER_BYTES: Final = 65_536
_FIRST_CHUNK: Final = 12


class SampleStream:
    """One caller's bytes in one format. What they are is only looked at where something begins."""

    def __init__(self, fmt: AudioFormat) -> None:
        self._format = fmt
        self._odd = b""
        """The beginning of a sample that goes on in the next piece."""
        self._header = b""
        """The beginning of a WAV header that goes on in the next piece."""
        self._header_at = _FIRST_CHUNK
        """Its chunks up to there have been read: not again for each piece, however many there are."""
        self._wav: SampleFormat | None = None
        """What they said of the samples."""
        self._begun = False
        self._refused = ""
        """What came instead of samples, and so does what comes after it."""
        self.plain = False
        """:meth:`take` would give back a piece of whole samples that does not begin with :data:`RIFF`."""

    def restart(self) -> None:
        """What comes next is the beginning of something new."""
        self._odd = b""
        self._header = b""
        self._header_at = _FIRST_CHUNK
        self._wav = None
        self._begun = False
        self._refused = ""
        self.plain = False

    def take(self, piece: bytes) -> bytes:
        """The whole samples that ``piece`` completes.

        :raises CallerError: it is not samples of the format, nor is what follows until :meth:`restart`.
        """
        if not piece:
            return b""
        if self._header or piece.startswith(RIFF) or (not self._begun and RIFF.startswith(piece)):
            piece = self._behind_header(self._header + piece)
        elif not self._refused and not self._begun:
            self._check_samples(piece)
        if self._refused:
            raise self._refusal()
        self._begun = self._begun or bool(piece)
        if self._format.bytes_per_sample > 1:
            piece = self._odd + piece
            whole = len(piece) - len(piece) % self._format.bytes_per_sample
            self._odd = piece[whole:]
            piece = piece[:whole]
        self.plain = self._begun and not self._odd and not self._header
        return piece

    def _behind_header(self, piece: bytes) -> bytes:
        """The samples of a WAV file, as far as they have come.

        :param piece: from the beginning of the header on.
        """
        at, wav = self._header_at, self._wav
        self._header, self._header_at, self._wav = b"", _FIRST_CHUNK, None
        if not RIFF.startswith(piece[:4]) or (len(piece) >= 12 and piece[8:12] != b"WAVE"):
            return piece
        self._refused = ""
        self._odd = b""
        end = at
        while at + 8 <= len(piece):
            name, size = struct.unpack_from("<4sI", piece, at)
            begin = at + 8
            end = begin + size + size % 2
            if name == b"data" and wav is not None:
                self._check_format(wav)
                known = 0 < size < len(piece) - begin
                return piece[begin : begin + size] if known else piece[begin:]
            if name == b"fmt ":
                if begin + size > len(piece):
                    break
                try:
                    wav = read_format(piece[begin : begin + size])
                except NotWavError as error:
                    self._refused = str(error)
                    return b""
            at = end
        if max(end, len(piece)) > _LONGEST_HEADER_BYTES:
            self._refused = "a WAV file without samples"
        else:
            self._header, self._header_at, self._wav = piece, at, wav
        return b""

    def _check_format(self, wav: SampleFormat) -> None:
        kind, bits = _WAV_KINDS[self._format.encoding]
        if wav != SampleFormat(kind, 1, self._format.rate_hz, bits):
            kind_name = _KIND_NAMES.get(wav.kind, "unknown")
            channels = "one channel" if wav.channels == 1 else f"{wav.channels} channels"
            self._refused = f"a WAV file of {wav.bits}-bit {kind_name} samples at {wav.rate_hz} Hz in {channels}"

    def _check_samples(self, piece: bytes) -> None:
        name = container_of(piece)
        if name:
            self._refused = name

    def _refusal(self) -> CallerError:
        return CallerError(
            f"The audio that was appended is {self._refused}. Send samples as session.audio.input.format says: "
            f"{self._format.encoding.value} at {self._format.rate_hz} Hz in one channel, not the file of a recorder or "
            "an encoder. Nothing is heard until another format is set, or until 'input_audio_buffer.clear'.",
            code="unsupported_audio",
            param="audio",
        )
