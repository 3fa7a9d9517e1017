"""session.js on a page that is not ours: nothing but the class and its events."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.async_api import Browser

from bargein.demo.process import DemoModelProcess
from client_web.engine_page import engine_page
from support.browser_talk import RATE_HZ
from support.page_sound import inject, listening
from support.server_process import ServerProcess, serve
from support.speech import speak

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_foreign_page_talks_interrupts_and_reads_the_figures(
    browser: Browser, page_server: ServerProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    async with engine_page(browser, f"{page_server.http_url}/", context_rate_hz=RATE_HZ) as engine:
        assert await engine.start()
        await listening(engine.page)
        await inject(engine.page, speak("Tell me a story."))
        await engine.seen("state", "d.state === 'speaking'")
        await engine.seen("caption", "d.heard_chars > 20")
        onset_s = await inject(engine.page, speak("Who are you?"))
        cut = await engine.seen("cut")
        flush = await engine.seen("flush")
        assert flush["samples"] == cut["heard_samples"]
        entry = await engine.seen("transcript", f"d.item_id === '{cut['item_id']}' && d.exact")
        assert (entry["heard"], entry["unheard"]) == (cut["heard_text"], cut["unheard_text"])
        # Wherever the page lights its captions and the server cuts, both speak of the same words.
        assert entry["heard"] + entry["unheard"] == entry["text"]
        own = await engine.seen("latency", "d.kind === 'barge_in'")
        recording = await engine.recorded()
        heard = [event for event in await engine.all("audio") if event["item_id"] == cut["item_id"]]
        assert sum(event["samples"] for event in heard) == cut["heard_samples"]
        silent_s = recording.start_s + float((abs(recording.samples) > 100).nonzero()[0][-1]) / RATE_HZ
        response = await engine.seen("latency", "d.kind === 'response'")
        server = await engine.seen("latency", "d.kind === 'server' && d.after === 'response'")
    with capsys.disabled():
        print(
            f"\nbarge-in to silence: the page says {own['ms']:.0f} ms, its output {1000 * (silent_s - onset_s):.0f} ms;"
            f" end of speech to sound: the page says {response['ms']:.0f} ms, the server {server['ms']:.0f} ms"
        )


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        pass


@pytest.fixture
def foreign_site(recorded_page: Path) -> Iterator[str]:
    """Somebody else's web server, with a copy of ``client_web``. Its address, with a slash at the end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(recorded_page))) as site:
        serving = threading.Thread(target=site.serve_forever)
        serving.start()
        try:
            yield f"http://localhost:{site.server_port}/"
        finally:
            site.shutdown()
            serving.join()


async def test_a_page_of_another_origin_talks_when_the_server_allows_it(
    browser: Browser, demo_model: DemoModelProcess, foreign_site: str
) -> None:
    allowed = {"BARGEIN_ALLOWED_ORIGINS": foreign_site.rstrip("/")}
    with serve("--upstream", demo_model.base_url, settings=allowed) as server:
        async with engine_page(browser, foreign_site, context_rate_hz=RATE_HZ) as engine:
            assert await engine.start(url=server.realtime_url)
            assert await engine.call("window.voice.sendText('Can you hear me?')")
            await engine.seen("state", "d.state === 'speaking'")
            await engine.seen("response", "d.status === 'completed'")


async def test_a_page_that_is_not_allowed_is_told_where_to_look(
    browser: Browser, page_server: ServerProcess, foreign_site: str
) -> None:
    refusals = ("CORS policy", "net::ERR", "403")
    async with engine_page(browser, foreign_site, allowed=refusals) as engine:
        await engine.call(
            f"""void import('/session.js').then(({{ VoiceSession }}) => {{
                const voice = new VoiceSession({{ url: '{page_server.realtime_url}', microphone: false }});
                voice.addEventListener('error', ({{ detail }}) => (window.told ??= detail.help));
                void voice.start();
            }})"""
        )
        told = await engine.page.wait_for_function("window.told")
        assert "BARGEIN_ALLOWED_ORIGINS" in await told.json_value()
