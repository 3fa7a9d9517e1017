"""How exactly the server knows which words of a cut reply were heard.

Replies of the demo model, whose words are known to the sample, are cut at many places; each time the server's rule sees
what it would have seen by then: the transcript, when its pieces arrived, and the sound received so far. A word that was
being heard when the sound stopped may be told or not.

Run: ``python -m benchmarks.heard_words``. With ``espeak-ng`` installed it speaks other texts, too.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from rich.console import Console
from rich.table import Table

from bargein.core.audio import PCM16_24K, PCMU_8K
from bargein.demo.bank import load_bank
from bargein.demo.espeak import find_espeak
from bargein.demo.phrases import STORIES
from bargein.demo.speech import Clip, speak_whole
from bargein.demo.voices import VOICES
from benchmarks.spoken_reply import Mismatches, cut_everywhere

TEXTS: Final = (
    (
        "The quarterly report shows that revenue grew by about twelve percent, although the costs of shipping "
        "rose at the same time. We expect the trend to continue through the summer; however, nobody can say "
        "that for certain."
    ),
    (
        "To reset the router, hold the small button on the back for ten seconds, then wait until the green "
        "light stops blinking. If it does not help, call us again, and please have your customer number "
        "ready."
    ),
    (
        "I'd love to help you plan that trip! Portugal is wonderful in October: warm days, cool evenings, and "
        "far fewer tourists. You could start in Lisbon, spend three nights there, take the train to Porto, "
        "and finish in the valley."
    ),
    (
        "Photosynthesis is the process by which plants turn light into chemical energy. Chlorophyll absorbs "
        "mostly red and blue wavelengths, and that is why leaves look green. Without it there would be no "
        "oxygen to breathe."
    ),
)
SITUATIONS: Final = (("twice real time", 2.0, 1.0), ("1.5 times", 1.5, 1.0), ("real time, 0.4 s ahead", 1.0, 0.4))


async def clips() -> dict[str, list[Clip]]:
    bank, espeak = load_bank(), find_espeak()
    spoken = {"bank": [await speak_whole(text, voice, bank) for voice in VOICES.values() for text in STORIES]}
    if espeak is not None:
        spoken["espeak-ng"] = [await speak_whole(text, voice, espeak) for voice in VOICES.values() for text in TEXTS]
    return spoken


def main() -> int:
    table = Table(title="Words told against words heard", title_justify="left")
    for name in ("speech", "format", "the model speaks at", "cuts", "with words over", "with words under"):
        table.add_column(name, justify="right" if "words" in name or name == "cuts" else "left")
    for source, spoken in asyncio.run(clips()).items():
        for fmt in (PCM16_24K, PCMU_8K):
            for name, pace, ahead_s in SITUATIONS:
                found = Mismatches()
                for clip in spoken:
                    found += cut_everywhere(clip, fmt, pace=pace, ahead_s=ahead_s, every_ms=430)
                shares = [f"{100 * count / found.cuts:.1f} %" for count in (found.over, found.under)]
                table.add_row(source, fmt.encoding.value, name, str(found.cuts), *shares)
    Console(highlight=False).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
