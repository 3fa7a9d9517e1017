"""The sound of a reply, from whatever a server puts into its chunks to PCM16 mono at 24 kHz."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pybase64

from bargein.core.audio import PCM16_24K, base64_sample_count
from bargein.core.completion import AudioPiece
from bargein.errors import UpstreamMalformed
from bargein.sound.containers import LONGEST_HEAD_BYTES, Containers, container_of
from bargein.sound.resample import Resampler
from bargein.sound.wav import SampleFormat, Wav, to_pcm16
from bargein.upstream.base64_pieces import Base64Pieces
from bargein.upstream.lenient import whole_number
from bargein.upstream.riff import RIFF_BASE64, begins_riff, read_riff

_RATE_HZ: Final = PCM16_24K.rate_hz
_PCM16_24K: Final = SampleFormat(1, 1, _RATE_HZ, 16)
_DATA_URL: Final = "data:"
_PLAIN_NAMES: Final = frozenset(
    {
        "pcm",
        "pcm16",
        "pcm_16",
        "pcm16le",
        "pcm_16le",
        "pcm_s16",
        "pcm_s16le",
        "s16",
        "s16le",
        "int16",
        "lpcm",
        "linear16",
        "l16",
        "raw",
        "x-raw",
        "wav",
        "wave",
        "x-wav",
        "vnd.wave",
    }
)


class ReplyAudioReader:
    """One reply's sound, piece by piece.

    A piece of base64 that is whole samples at 24 kHz is handed on as the text it came in: it is checked, but not
    encoded again. It is decoded only where a sample or a group of base64 characters is split between pieces, where a
    WAV header has to go, or where the server speaks at another rate or in other samples.
    """

    __slots__ = ("_base64", "_begun", "_containers", "_format", "_resampler", "_rest")

    def __init__(self) -> None:
        self._format = _PCM16_24K
        self._begun = False
        """It is known to be samples, or WAV."""
        self._containers = Containers()
        """Some gateways fall back to another voice in the middle of a reply."""
        self._rest = b""
        self._base64: Base64Pieces | None = None
        """For pieces that are not whole groups, from the first of them on."""
        self._resampler: Resampler | None = None

    def describe(self, metadata: Mapping[str, Any]) -> None:
        """Take what a server says of the piece to come: vLLM-Omni's ``audio_metadata`` with ``format``,
        ``sample_rate_hz``, ``channels``, or the like.

        :raises UpstreamMalformed: a format that is neither PCM16 nor WAV.
        """
        encoding = metadata.get("format") or metadata.get("mime_type")
        told: dict[str, str] = {}
        if isinstance(encoding, str):
            name, *parameters = encoding.lower().split(";")
            name = name.strip().removeprefix("audio/")
            told = _told_in(parameters)
            if name not in _PLAIN_NAMES:
                raise _unusable(f"as {encoding[:40]}, PCM16 or WAV is needed")
        rate_hz = whole_number(metadata.get("sample_rate_hz"))
        if rate_hz is None:
            rate_hz = whole_number(metadata.get("sample_rate") or metadata.get("rate") or told.get("rate"))
        channels = whole_number(metadata.get("channels") or told.get("channels"))
        fmt = self._format
        self._shape(
            SampleFormat(
                fmt.kind,
                fmt.channels if channels is None else channels,
                fmt.rate_hz if rate_hz is None else rate_hz,
                fmt.bits,
            )
        )

    def read(self, text: str) -> AudioPiece | None:
        """The sound of one chunk's base64 text; ``None`` while there is no whole sample.

        :raises UpstreamMalformed: it is not base64, or not sound that can be played.
        """
        if self._base64 is None and len(text) % 4 == 0:
            try:
                raw = pybase64.b64decode(text, validate=True)
            except ValueError:
                raw = self._odd_base64(text)
            else:
                plain = self._begun and self._format is _PCM16_24K and not self._rest
                if plain and len(raw) % 2 == 0 and not text.startswith(RIFF_BASE64):
                    self._check_goes_on(raw)
                    return AudioPiece(text, base64_sample_count(text)) if text else None
                if not self._begun and container_of(raw) == "" and not self._rest and not begins_riff(raw):
                    self._begun = True
                    return self.read(text)
        else:
            raw = self._odd_base64(text)
        if self._begun:
            self._check_goes_on(raw)
        return _piece(self._samples(raw)) if raw else None

    def end(self) -> AudioPiece | None:
        """What is still held: by the resampler, or because it was not known yet how to read it. Half a sample at the
        end is dropped.

        :raises UpstreamMalformed: it is not sound that can be played.
        """
        samples = b""
        if self._base64 is not None and (raw := self._base64.end()):
            samples = self._samples(raw)
        if not self._begun and self._rest:
            raw, self._rest = self._rest, b""
            self._check_container(raw, at_end=True)
            samples += self._samples(raw)
        if self._resampler is not None:
            samples += self._resampler.flush().tobytes()
        return _piece(samples)

    def _odd_base64(self, text: str) -> bytes:
        if self._base64 is None:
            self._base64 = Base64Pieces()
        if text.startswith(_DATA_URL):
            # Its type is not believed, for there are all kinds; what the sound is shows at its beginning.
            told = _told_in(text[: text.find(",")].lower().split(";"))
            self.describe({name: told[name] for name in ("rate", "channels") if name in told})
        try:
            return self._base64.decode(text)
        except ValueError as error:
            raise _unusable("that is not base64") from error

    def _samples(self, raw: bytes) -> bytes:
        """Whole samples of ``raw``: without headers, mono, at 24 kHz."""
        if not self._begun or not begins_riff(raw) or begins_riff(self._rest):
            raw = self._rest + raw
        self._rest = b""
        if not self._begun and not self._check_container(raw, at_end=False):
            self._rest = raw
            return b""
        if begins_riff(raw):
            header = read_riff(raw)
            if header is None:
                self._rest = raw
                return b""
            self._shape(header.format)
            raw = raw[header.data_start : header.data_end]
        fmt = self._format
        if extra := len(raw) % fmt.bytes_per_frame:
            raw, self._rest = raw[:-extra], raw[-extra:]
        if fmt.kind == 1 and fmt.bits == 16 and fmt.channels == 1 and self._resampler is None:
            return raw
        samples = Wav(to_pcm16(raw, fmt).reshape(-1, fmt.channels), fmt.rate_hz).mono
        return (samples if self._resampler is None else self._resampler.feed(samples)).tobytes()

    def _check_container(self, head: bytes, *, at_end: bool) -> bool:
        """Whether it is known that this sound can be played.

        :raises UpstreamMalformed: it is known that it cannot.
        """
        name = container_of(head, at_end=at_end or len(head) > LONGEST_HEAD_BYTES)
        if name:
            raise _unplayable(name)
        self._begun = name is not None
        return self._begun

    def _check_goes_on(self, raw: bytes) -> None:
        """:raises UpstreamMalformed: what began as samples goes on as something that cannot be played."""
        if name := self._containers.of(raw):
            raise _unplayable(name)

    def _shape(self, fmt: SampleFormat) -> None:
        if fmt == self._format:
            return
        if not 4_000 <= fmt.rate_hz <= 192_000 or not 1 <= fmt.channels <= 8:
            raise _unusable(f"at {fmt.rate_hz} Hz in {fmt.channels} channels")
        if fmt.rate_hz != self._format.rate_hz:
            self._resampler = Resampler(fmt.rate_hz, _RATE_HZ) if fmt.rate_hz != _RATE_HZ else None
        self._format = _PCM16_24K if fmt == _PCM16_24K else fmt


def _told_in(parameters: list[str]) -> dict[str, str]:
    """Parameters of a media type, by name."""
    return {key.strip(): value.strip() for key, _, value in (one.partition("=") for one in parameters)}


def _piece(samples: bytes) -> AudioPiece | None:
    return AudioPiece(samples, len(samples) // 2) if samples else None


def _unplayable(name: str) -> UpstreamMalformed:
    return _unusable(f"as {name}, which cannot be played as it comes: the operator has to let it speak PCM16 or WAV")


def _unusable(how: str) -> UpstreamMalformed:
    return UpstreamMalformed(f"The model's server sent sound {how}.", code="invalid_audio")
