"""One example of every event that the server sends, by the name of its golden message."""

from __future__ import annotations

from dataclasses import replace

from bargein.alignment.heard_words import Transcript
from bargein.core.audio import PCM16_24K, PCMU_8K
from bargein.core.completion import Usage
from bargein.core.config import ResponseSettings
from bargein.core.decisions import Figures, Interrupted
from bargein.core.items import (
    Failure,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Message,
    OutputAudio,
    OutputText,
    Response,
)
from bargein.wire import bargein_events, server_events
from bargein.wire.decision_records import explained
from bargein.wire.items import (
    begun_item_json,
    content_part_json,
    item_json,
    item_with_audio_json,
)
from bargein.wire.response_object import response_json
from bargein.wire.server_events import ServerEvent
from bargein.wire.session_object import SessionObject

RESPONSE, CONVERSATION = "resp_golden000000000001", "conv_golden000000000001"
USER, ASSISTANT, CALL = (f"item_golden00000000000{number}" for number in (1, 2, 3))
CALL_ID = "call_golden0000001"


def speech(words: str, *pieces: str | bytes) -> OutputAudio:
    timeline = Transcript(24_000)
    timeline.add(words, 0)
    return OutputAudio(PCM16_24K, timeline, list(pieces))


SESSION = SessionObject.begin(
    id="sess_golden000000000001", model="gpt-audio-1.5", expires_at=1785217650, instructions="Be brief."
)
WEATHER_TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CONFIGURED = SESSION.update(
    {
        "type": "realtime",
        "instructions": "",
        "tools": [WEATHER_TOOL],
        "max_output_tokens": 1024,
        "tracing": "auto",
        "audio": {
            "input": {
                "format": {"type": "audio/pcmu"},
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "noise_reduction": {"type": "near_field"},
                "turn_detection": {"type": "semantic_vad"},
            },
            "output": {"format": {"type": "audio/pcma"}, "voice": "marin"},
        },
    }
)
MANUAL = SESSION.update({"type": "realtime", "audio": {"input": {"turn_detection": None}}})

HEARD = item_json(Message(USER, "user", [InputAudio(bytes(4), PCM16_24K)]))
TYPED = item_json(Message(USER, "user", [InputText("hi")]))
SYSTEM = item_json(Message(USER, "system", [InputText("The caller is Ada.")]))
TOOL_OUTPUT = item_json(FunctionCallOutput(USER, CALL_ID, '{"sunny":true}'))
HELLO = speech("Hello!")
BEGUN = Message(ASSISTANT, "assistant", [HELLO], "in_progress")
DONE = Message(ASSISTANT, "assistant", [HELLO])
CUT = Message(ASSISTANT, "assistant", [HELLO], "incomplete")
HI = OutputText("Hi.")
FUNCTION_CALL = FunctionCall(CALL, CALL_ID, "get_weather", '{"city":"Paris"}')
USAGE = Usage(14, 27, 0, 28, 136)
MUTE = Failure("transcription_error", None, "The audio could not be transcribed.")


PLAIN = Response(RESPONSE, ResponseSettings(), CONVERSATION)

REALTIME: dict[str, ServerEvent] = {
    "session.created: defaults": server_events.session_created(SESSION.echo()),
    "session.updated: everything set": server_events.session_updated(CONFIGURED.echo()),
    "session.updated: turn detection off": server_events.session_updated(MANUAL.echo()),
    "error: a client event refused": server_events.error(
        "Unknown parameter: 'session.foo'.", code="unknown_parameter", param="session.foo", event_id="my_event_1"
    ),
    "error: ours": server_events.error("The server is shutting down.", type="server_error", code="server_shutdown"),
    "conversation.created": server_events.conversation_created(CONVERSATION),
    "speech_started": server_events.speech_started(USER, 1460),
    "speech_stopped": server_events.speech_stopped(USER, 4256),
    "committed: the first item": server_events.input_committed(USER, None),
    "committed: behind another": server_events.input_committed(CALL, ASSISTANT),
    "cleared": server_events.input_cleared(),
    "timeout_triggered": server_events.timeout_triggered(USER, 13216, 19232),
    "item.added: speech of the caller": server_events.item_added(HEARD, None),
    "item.done: speech of the caller": server_events.item_done(HEARD, None),
    "item.added: text of the caller": server_events.item_added(TYPED, None),
    "item.added: a system message": server_events.item_added(SYSTEM, None),
    "item.added: a tool's output": server_events.item_added(TOOL_OUTPUT, CALL),
    "item.retrieved: speech with its audio": server_events.item_retrieved(
        item_with_audio_json(Message(USER, "user", [InputAudio(b"\0\0\1\0\xff\xff", PCM16_24K, "Hello.")]))
    ),
    "item.retrieved: a reply in pieces": server_events.item_retrieved(
        item_with_audio_json(Message(ASSISTANT, "assistant", [speech("Hi", "AAABAP//", "AgA=", b"\3\0")], "incomplete"))
    ),
    "item.truncated": server_events.item_truncated(ASSISTANT, 0, 1234),
    "item.deleted": server_events.item_deleted(ASSISTANT),
    "transcription delta": server_events.transcription_delta(USER, "Hello"),
    "transcription completed": server_events.transcription_completed(USER, "Hello.", 2.796),
    "transcription failed": server_events.transcription_failed(
        USER, Failure(MUTE.type, "audio_unintelligible", MUTE.message)
    ),
    "transcription failed: no code": server_events.transcription_failed(USER, MUTE),
    "response.created": server_events.response_created(response_json(PLAIN)),
    "output_item.added: a message": server_events.output_item_added(RESPONSE, 0, begun_item_json(BEGUN)),
    "item.added: a reply begins": server_events.item_added(begun_item_json(BEGUN), USER),
    "content_part.added: audio": server_events.content_part_added(
        RESPONSE, ASSISTANT, 0, content_part_json(OutputAudio(PCM16_24K, Transcript(24_000)))
    ),
    "audio transcript delta": server_events.transcript_delta(RESPONSE, ASSISTANT, 0, "Hello!"),
    "audio delta": server_events.audio_delta(RESPONSE, ASSISTANT, 0, "AAABAP//"),
    "audio done": server_events.audio_done(RESPONSE, ASSISTANT, 0),
    "audio transcript done": server_events.transcript_done(RESPONSE, ASSISTANT, 0, "Hello!"),
    "content_part.done: audio": server_events.content_part_done(RESPONSE, ASSISTANT, 0, content_part_json(HELLO)),
    "item.done: a reply ends": server_events.item_done(item_json(DONE), USER),
    "output_item.done: a message": server_events.output_item_done(RESPONSE, 0, item_json(DONE)),
    "response.done: completed": server_events.response_done(
        response_json(replace(PLAIN, status="completed", output=[DONE], usage=USAGE))
    ),
    "response.done: barge-in": server_events.response_done(
        response_json(replace(PLAIN, status="cancelled", reason="turn_detected", output=[CUT], usage=USAGE))
    ),
    "response.done: cancelled before anything": server_events.response_done(
        response_json(
            replace(PLAIN, status="cancelled", reason="client_cancelled", usage=Usage(41, 0, 30, 0, 0, estimated=True))
        )
    ),
    "response.done: cut short": server_events.response_done(
        response_json(
            replace(
                PLAIN,
                settings=ResponseSettings(max_output_tokens=20),
                status="incomplete",
                reason="max_output_tokens",
                usage=Usage(1, 2, 0, 3, 17),
            )
        )
    ),
    "response.done: failed": server_events.response_done(
        response_json(
            replace(
                PLAIN,
                status="failed",
                failure=Failure("server_error", "upstream_timeout", "The model did not answer in time."),
                usage=Usage(),
            )
        )
    ),
    "response.created: text, out of band, with metadata": server_events.response_created(
        response_json(
            replace(
                PLAIN,
                settings=ResponseSettings(audio=False, output_format=PCMU_8K, voice="ash"),
                conversation_id=None,
                metadata={"topic": "x"},
            )
        )
    ),
    "content_part.added: text": server_events.content_part_added(
        RESPONSE, ASSISTANT, 0, content_part_json(OutputText(""))
    ),
    "text delta": server_events.text_delta(RESPONSE, ASSISTANT, 0, "Hi."),
    "text done": server_events.text_done(RESPONSE, ASSISTANT, 0, "Hi."),
    "content_part.done: text": server_events.content_part_done(RESPONSE, ASSISTANT, 0, content_part_json(HI)),
    "output_item.done: text": server_events.output_item_done(
        RESPONSE, 0, item_json(Message(ASSISTANT, "assistant", [HI]))
    ),
    "output_item.added: a function call": server_events.output_item_added(
        RESPONSE, 1, begun_item_json(FunctionCall(CALL, CALL_ID, "get_weather", '{"city":"Paris"}', "in_progress"))
    ),
    "arguments delta": server_events.arguments_delta(RESPONSE, CALL, 1, CALL_ID, '{"city"'),
    "arguments done": server_events.arguments_done(RESPONSE, CALL, 1, CALL_ID, "get_weather", '{"city":"Paris"}'),
    "output_item.done: a function call": server_events.output_item_done(RESPONSE, 1, item_json(FUNCTION_CALL)),
}

ONE = ("resp_golden000000000001", "item_golden000000000001")
STAGES_MS = {"endpointing": 500, "request": 12, "first_byte": 184, "first_audio": 96}
SHORT_SESSION = {
    "type": "realtime",
    "object": "realtime.session",
    "id": "sess_golden000000000001",
    "model": "demo",
}
BARGEIN: dict[str, ServerEvent] = {
    "session.created without resume": server_events.session_created(
        SHORT_SESSION, bargein_events.welcome(100, window_s=30)
    ),
    "session.created after a resume": server_events.session_created(
        SHORT_SESSION,
        bargein_events.welcome(100, epoch=2, resume_token="rt_golden", window_s=30, resumed=True),
    ),
    "bargein.response": bargein_events.response_numbered(*ONE, 1),
    "bargein.vad speech": bargein_events.voice_changed(True, 4280, -31.5, 0.92),
    "bargein.vad silence": bargein_events.voice_changed(False, 5940, -58.0, 0.04),
    "bargein.hold": bargein_events.hold(*ONE, 31200, None),
    "bargein.hold that ducks": bargein_events.hold(*ONE, 31200, 18.0),
    "bargein.resume": bargein_events.resume(*ONE, 31200),
    "bargein.flush": bargein_events.flush(*ONE),
    "bargein.cut": bargein_events.cut(*ONE, 31320, "The weather in Paris", " is sunny today."),
    "bargein.cut with nothing heard": bargein_events.cut(*ONE, 0, "", "Voilà — おはよう 😀"),
    "bargein.cost": bargein_events.cost(
        ONE[0],
        turn=0.01834,
        session=0.41202,
        known=True,
        cap=bargein_events.cap("key_day", 5.0, 4.1, 1_764_547_200, warning=True),
    ),
    "bargein.cost without a price": bargein_events.cost(ONE[0], turn=None, session=0.0, known=False, cap=None),
    "bargein.latency": bargein_events.latency(ONE[0], STAGES_MS, "response"),
    "bargein.decision": bargein_events.decision(
        explained(
            Interrupted(
                ONE[0], "confirmed", 5180, 4940, 160.0, ONE[0], (ONE[1],), Figures(-20.0, -61.5, 240.0, 200.0, 0.021)
            )
        )
    ),
    "bargein.pong": bargein_events.pong("ping_1"),
}
