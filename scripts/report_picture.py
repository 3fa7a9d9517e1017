"""Make the picture of a load report that the README shows: `python scripts/report_picture.py` after `make load`.

Needs Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.browser import chromium  # noqa: E402  needs the path above

WIDTH, HEIGHT = 1180, 1500


async def main(report_url: str, picture: Path) -> None:
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        await page.goto(report_url)
        await page.screenshot(path=picture)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, default=ROOT / ".build" / "load" / "report.html")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "screenshots" / "load-report.png")
    chosen = parser.parse_args()
    asyncio.run(main(chosen.report.resolve().as_uri(), chosen.picture))
