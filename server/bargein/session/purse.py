"""What one session has cost, and whether another turn may begin: asked once, and told once, for each response."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bargein.core.completion import CompletionRequest, Usage
from bargein.core.decisions import SpeculationEnded
from bargein.core.items import InputAudio, Response
from bargein.core.usage import question
from bargein.money import Entry, Standing
from bargein.money.books import Books, Held, Refused, Worst, session_full
from bargein.money.price import Price
from bargein.session.work_observer import WorkObserver
from bargein.upstream import Transcript


@dataclass(frozen=True, slots=True)
class Spent:
    """What a response has cost, and how the session stands then. In US dollars."""

    response_id: str
    turn: float | None
    """``None``: something in it has no price."""
    session: float
    """Of everything in it that has a price: responses, and transcriptions."""
    known: bool
    """Everything in it had one."""
    cap: Standing | None
    """That is nearest to its limit; ``None``: none is set."""


@dataclass(slots=True)
class _Begun:
    model: str
    held: Held


class Purse:
    """Of one session.

    :param key: whose it is: a fingerprint; empty where no keys are asked for.
    """

    def __init__(self, books: Books, key: str, observer: WorkObserver) -> None:
        self.session_dollars = 0.0
        self.unpriced = 0
        """Responses and transcriptions without a price."""
        self._books = books
        self._key = key
        self._observer = observer
        self._begun: dict[str, _Begun] = {}
        self._dropped_model = books.model
        """That was asked what was thrown away last."""
        self._last: Spent | None = None

    def begin(self, response_id: str, request: CompletionRequest, *, again: bool) -> CompletionRequest | Refused:
        """The model is about to be asked. Returns what to ask: the same, but that its answer may be bounded; or why it
        may not be asked.

        :param again: it is the same turn: nothing is refused.
        """
        model = request.model or self._books.model
        known = self._begun.get(response_id)
        if not self._books.caps.any:
            if known is None:
                self._begun[response_id] = _Begun(model, Held(None, 0.0, None))
            return request
        worst = Worst(model, question(request), request.audio, request.max_output_tokens)
        if known is not None and again:
            known.held = self._books.hold_more(known.held, known.held.dollars)
            return replace(request, max_output_tokens=known.held.max_tokens)
        held = self._session_room() or self._books.hold(self._key, worst)
        if isinstance(held, Refused):
            self._observer.model_not_asked(response_id, held.scope)
            return held
        self._begun[response_id] = _Begun(model, held)
        return replace(request, max_output_tokens=held.max_tokens)

    def ended_ahead(self, decision: SpeculationEnded) -> None:
        """What was asked ahead came to its end. Of what is thrown away, the usage is told with another response; where
        the caller has left, none will tell of it.
        """
        if decision.outcome != "used":
            self._drop(decision.response_id)
        if decision.outcome == "left":
            self._pay(self._dropped_model, decision.usage, None)
            self._warn(self._standings())

    def _drop(self, response_id: str) -> None:
        begun = self._begun.pop(response_id, None)
        if begun is not None:
            self._dropped_model = begun.model
            self._books.let_go(begun.held)

    def done(self, response: Response) -> Spent:
        """A response is over."""
        begun = self._begun.pop(response.id, None)
        model = self._books.model if begun is None else begun.model
        usage = response.usage or Usage()
        dollars = self._pay(model, usage, None if begun is None else begun.held)
        standings = self._standings()
        if usage.input_tokens + usage.output_tokens:
            self._warn(standings)
        nearest = max(standings, key=lambda standing: standing.share, default=None)
        self._last = Spent(response.id, dollars, self.session_dollars, not self.unpriced, nearest)
        return self._last

    def refuses_recognisers(self) -> Refused | None:
        """Why no recogniser may be paid any more. Little is spent on one: nothing is held for it, and what is held for
        turns in progress does not count.
        """
        session = self._session_standing
        if session is not None and session.spent >= session.limit:
            refused: Refused | None = session_full(session, by_others=False)
        else:
            refused = self._books.spent(self._key)
        if refused is not None:
            self._observer.recogniser_not_asked(refused.scope)
        return refused

    def transcribed(self, recogniser: str, speech: InputAudio, written: Transcript | None) -> None:
        """``recogniser`` was sent sound of the caller, whatever comes of it.

        :param written: what it has answered; ``None``: nobody waits for that any more, and the sound alone is paid.
        """
        usage, characters = (None, 0) if written is None else (written.usage, len(written.text))
        seconds = speech.format.samples_of(len(speech.audio)) / speech.format.rate_hz
        price = self._books.prices.of_recogniser(recogniser)
        dollars = None if price is None else price.of_transcription(seconds, usage, characters)
        self._count(recogniser, dollars)
        # Callers name recognisers as they like: each name would be a row.
        entry = Entry(self._books.label(recogniser), dollars, usage or Usage(), responses=0, transcribed_s=seconds)
        self._books.add(self._key, entry)

    def take_told(self) -> Spent | None:
        """What the newest response has cost, once; ``None`` where nobody knows prices, and no cap is set."""
        last, self._last = self._last, None
        if last is None or (last.cap is None and last.turn is None and self._price is None):
            return None
        return last

    def close(self) -> None:
        """The session is over: nothing is in progress any more."""
        for response_id in list(self._begun):
            self._drop(response_id)

    @property
    def _session_standing(self) -> Standing | None:
        limit = self._books.caps.session
        return None if limit is None else Standing("session", limit, self.session_dollars, None)

    @property
    def _price(self) -> Price | None:
        return self._books.prices.of_model(self._books.model)

    def _pay(self, model: str, usage: Usage, held: Held | None) -> float | None:
        price = self._books.prices.of_model(model)
        used = usage.input_tokens + usage.output_tokens
        dollars = None if price is None else price.of(usage)
        if not used:
            dollars = 0.0
            if held is not None:
                self._books.let_go(held)
        else:
            self._count(model, dollars)
            self._books.add(self._key, Entry(model, dollars, usage), held)
        return dollars

    def _count(self, model: str, dollars: float | None) -> None:
        if dollars is None:
            self.unpriced += 1
        else:
            self.session_dollars += dollars
        self._observer.paid(self._books.label(model), dollars, self.session_dollars, self.unpriced)

    def _session_room(self) -> Refused | None:
        standing = self._session_standing
        held = sum([begun.held.dollars for begun in self._begun.values()])
        if standing is None or standing.spent + held < standing.limit:
            return None
        return session_full(standing, by_others=standing.spent < standing.limit)

    def _standings(self) -> list[Standing]:
        found, session = self._books.standings(self._key), self._session_standing
        return found if session is None else [*found, session]

    def _warn(self, standings: list[Standing]) -> None:
        """Say that a cap comes near."""
        for standing in standings:
            if self._books.first_warning(self._key, standing):
                self._observer.cap_comes_near(standing, self._key)
