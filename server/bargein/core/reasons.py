"""What it is called that the rules have decided: for whoever reads decisions. No rules: nothing follows from them."""

from __future__ import annotations

from typing import Final

from bargein.core.decisions import HoldEndReason, RefusalReason
from bargein.core.floor import CallerTrigger
from bargein.core.rulings import Ruling

REFUSED: Final[dict[tuple[Ruling, CallerTrigger], RefusalReason]] = {
    (Ruling.SPEAK_ON, CallerTrigger.EVIDENCE): "not allowed",
    (Ruling.ANNOUNCE, CallerTrigger.CONFIRM): "not allowed",
    (Ruling.NEXT_TURN, CallerTrigger.NEXT): "same speech",
    (Ruling.DISMISS, CallerTrigger.MISFIRE): "misfire",
    (Ruling.DISMISS, CallerTrigger.BACKCHANNEL): "backchannel",
    (Ruling.DISMISS, CallerTrigger.NOISE): "noise",
    (Ruling.RESUME, CallerTrigger.ECHO): "echo",
}
"""Why speech over an agent that has the floor was no interruption."""

DISMISSED: Final[dict[CallerTrigger, HoldEndReason]] = {
    CallerTrigger.MISFIRE: "misfire",
    CallerTrigger.BACKCHANNEL: "backchannel",
    CallerTrigger.NOISE: "noise",
}
"""Why a hold ends when speech is dismissed."""
