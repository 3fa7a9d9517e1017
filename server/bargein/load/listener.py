"""The caller's loudspeaker as a model: what has been heard at which moment.

Sans-IO. Sound arrives in items, is queued, and is played sample by sample on the listener's own clock; time is an
argument, in seconds of any monotonic clock. Everything that is measured about sound is measured here, because only what
left the loudspeaker was heard: bytes that arrived were not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Span:
    """Sound that was heard without a break."""

    item_id: str
    start_s: float
    start_sample: int
    """Position in the audio that was received for the item."""
    sample_count: int = 0


@dataclass(frozen=True, slots=True)
class Underrun:
    """The loudspeaker ran dry in the middle of an item, and sound of the same item came later."""

    item_id: str
    start_s: float
    duration_s: float


@dataclass(slots=True)
class HeardItem:
    """The sound of one item."""

    received_samples: int = 0
    heard_samples: int = 0
    first_heard_s: float | None = None
    """When its first sample left the loudspeaker."""
    last_heard_s: float = 0.0
    """When its last heard sample had been played."""
    ended: bool = False
    """All its sound has arrived."""
    flushed: bool = False

    @property
    def played_out(self) -> bool:
        """It was heard to its end: running dry is no underrun then."""
        return self.ended and self.heard_samples == self.received_samples


@dataclass(slots=True)
class _Queued:
    item_id: str
    start_sample: int
    sample_count: int


@dataclass(slots=True)
class Listener:
    """A loudspeaker of ``rate_hz`` that plays what it is given, in order, without a buffer of its own.

    Times passed in must not go backwards.
    """

    rate_hz: int
    items: dict[str, HeardItem] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    underruns: list[Underrun] = field(default_factory=list)
    _queue: deque[_Queued] = field(default_factory=deque)
    _held: str | None = None
    _clock_s: float = 0.0
    """Play-out has been computed up to here."""
    _continues: bool = False
    """The next sample follows the last one without a break."""
    _dry: str | None = None
    """The item in whose middle the queue ran dry."""

    def receive(self, item_id: str, sample_count: int, now_s: float) -> None:
        """Queue ``sample_count`` samples of ``item_id``, behind all that is queued."""
        self.advance(now_s)
        item = self._item(item_id)
        if not self._queue:
            self._clock_s = now_s
            if self._dry == item_id and self._held != item_id:
                self.underruns.append(Underrun(item_id, item.last_heard_s, now_s - item.last_heard_s))
            self._dry = None
        self._queue.append(_Queued(item_id, item.received_samples, sample_count))
        item.received_samples += sample_count

    def end(self, item_id: str, now_s: float) -> None:
        """No more sound of ``item_id`` will come."""
        self.advance(now_s)
        self._item(item_id).ended = True
        if self._dry == item_id:
            self._dry = None

    def hold(self, item_id: str, now_s: float) -> None:
        """Pause at ``item_id``, keep all that is queued. A later hold replaces an earlier one."""
        self.advance(now_s)
        self._held = item_id
        self._dry = None
        self._note_silence()

    def resume(self, item_id: str, now_s: float) -> None:
        """Go on from the held sample."""
        self.advance(now_s)
        if self._held == item_id:
            self._held = None
            self._clock_s = now_s

    def flush(self, item_id: str, now_s: float) -> int:
        """Drop what is queued of ``item_id``. Returns its heard samples."""
        self.resume(item_id, now_s)
        self._queue = deque(queued for queued in self._queue if queued.item_id != item_id)
        if self._dry == item_id:
            self._dry = None
        self._note_silence()
        item = self._item(item_id)
        item.flushed = True
        return item.heard_samples

    def flush_all(self, now_s: float) -> list[str]:
        """Drop everything that is queued. Returns the items that lost sound."""
        self.advance(now_s)
        lost = self.queued_items
        for item_id in lost:
            self.flush(item_id, now_s)
        return lost

    def advance(self, now_s: float) -> None:
        """Play out up to ``now_s``."""
        queue = self._queue
        while queue:
            head = queue[0]
            if head.item_id == self._held:
                self._clock_s = now_s
                return
            # A thousandth of a sample of slack keeps float rounding from costing a sample at exact boundaries.
            due = int((now_s - self._clock_s) * self.rate_hz + 1e-3)
            if due <= 0:
                return
            self._play(head, min(due, head.sample_count))
            if head.sample_count:
                return
            queue.popleft()
            if not self.sounding:
                item = self.items[head.item_id]
                self._dry = None if item.ended or queue else head.item_id
                self._continues = False

    @property
    def sounding(self) -> bool:
        """Whether sound leaves the loudspeaker, as of the last call with a time."""
        return bool(self._queue) and self._queue[0].item_id != self._held

    @property
    def playing_item(self) -> str | None:
        """The item at the head of the queue, held or not."""
        return self._queue[0].item_id if self._queue else None

    @property
    def queued_items(self) -> list[str]:
        """Items with sound that has not been heard yet, in order."""
        return list(dict.fromkeys(queued.item_id for queued in self._queue))

    @property
    def dry_at_s(self) -> float | None:
        """When the loudspeaker will have played all that is queued; ``None`` when nothing is, or it is held."""
        if not self.sounding:
            return None
        return self._clock_s + sum(queued.sample_count for queued in self._queue) / self.rate_hz

    def heard_samples(self, item_id: str) -> int:
        item = self.items.get(item_id)
        return item.heard_samples if item else 0

    def heard_between(self, from_s: float, to_s: float) -> Iterator[Span]:
        """Spans that overlap ``from_s`` … ``to_s``, whole."""
        for span in self.spans:
            if span.start_s < to_s and span.start_s + span.sample_count / self.rate_hz > from_s:
                yield span

    def _item(self, item_id: str) -> HeardItem:
        item = self.items.get(item_id)
        if item is None:
            item = self.items[item_id] = HeardItem()
        return item

    def _play(self, head: _Queued, sample_count: int) -> None:
        item = self.items[head.item_id]
        if item.first_heard_s is None:
            item.first_heard_s = self._clock_s
        last = self.spans[-1] if self.spans else None
        follows = (
            last is not None
            and self._continues
            and last.item_id == head.item_id
            and last.start_sample + last.sample_count == head.start_sample
        )
        if last is None or not follows:
            last = Span(head.item_id, self._clock_s, head.start_sample)
            self.spans.append(last)
        last.sample_count += sample_count
        head.start_sample += sample_count
        head.sample_count -= sample_count
        item.heard_samples += sample_count
        self._clock_s += sample_count / self.rate_hz
        item.last_heard_s = self._clock_s
        self._continues = True

    def _note_silence(self) -> None:
        if not self.sounding:
            self._continues = False
