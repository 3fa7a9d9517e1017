"""Pipecat's service for OpenAI's Realtime: a greeting, a text turn, a spoken turn, an interruption, a tool call.

    python pipecat_agent.py GIVEN_JSON

A whole pipeline with its aggregators, between a microphone of our own and a loudspeaker that plays in real time. Any
error that the pipeline reports fails the scenario.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from loguru import logger
from outside import Microphone, run
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import InputAudioRawFrame, LLMRunFrame, OutputAudioRawFrame, StartFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SessionProperties,
    TurnDetection,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner

RATE_HZ = 24_000
LISTENS_S = 2.5
"""To a story, before it is talked over."""
PARAMS = TransportParams(
    audio_in_enabled=True,
    audio_out_enabled=True,
    audio_in_sample_rate=RATE_HZ,
    audio_out_sample_rate=RATE_HZ,
)


class Ears(BaseInputTransport):
    """What the microphone sends, as frames."""

    def __init__(self) -> None:
        super().__init__(PARAMS)
        self._ready = False

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self._ready = True

    async def hear(self, frame: bytes) -> None:
        if self._ready:
            await self.push_audio_frame(InputAudioRawFrame(frame, RATE_HZ, 1))


class Loudspeaker(BaseOutputTransport):
    """Plays in real time."""

    def __init__(self) -> None:
        super().__init__(PARAMS)
        self.played_s = 0.0
        self._played = asyncio.Condition()
        self._free_at = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        now = asyncio.get_running_loop().time()
        duration_s = len(frame.audio) / 2 / frame.sample_rate
        self._free_at = max(now, self._free_at) + duration_s
        await asyncio.sleep(self._free_at - now)
        if any(frame.audio):
            async with self._played:
                self.played_s += duration_s
                self._played.notify_all()
        return True

    async def has_played(self, seconds: float) -> None:
        """Return when so much speech was played."""
        async with self._played:
            await self._played.wait_for(lambda: self.played_s >= seconds)


class Call:
    """One call with the agent."""

    def __init__(self, worker: PipelineWorker, context: LLMContext, mouth: Microphone, speaker: Loudspeaker) -> None:
        self.worker = worker
        self.context = context
        self.mouth = mouth
        self.speaker = speaker
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def answer(self) -> dict[str, Any]:
        """The next thing that the agent has said, as its own context keeps it; turns that only call a tool are none."""
        while True:
            waiting = asyncio.ensure_future(self.answers.get())
            await asyncio.wait({waiting, self.failed}, return_when=asyncio.FIRST_COMPLETED)
            if self.failed.done():
                waiting.cancel()
                self.failed.result()
            message = waiting.result()
            if message.content:
                return {"text": message.content, "interrupted": message.interrupted}

    async def ask(self, text: str | None = None) -> None:
        """Let the model speak, after ``text`` of the caller if there is any."""
        if text is not None:
            self.context.add_message({"role": "user", "content": text})
        await self.worker.queue_frames([LLMRunFrame()])


async def get_time(params: FunctionCallParams) -> None:
    """The time of day."""
    await params.result_callback({"time": "16:20"})


TOOLS = ToolsSchema(
    standard_tools=[FunctionSchema(name="get_time", description="The time of day.", properties={}, required=[])]
)


@asynccontextmanager
async def call(given: dict[str, Any], *, tools: bool = False) -> AsyncIterator[Call]:
    audio = AudioConfiguration(
        input=AudioInput(
            transcription=InputAudioTranscription(model="gpt-4o-transcribe"),
            turn_detection=TurnDetection(type="server_vad"),
        )
    )
    llm = OpenAIRealtimeLLMService(
        api_key="sk-local",
        base_url=given["realtime_url"],
        settings=OpenAIRealtimeLLMService.Settings(
            system_instruction="Be brief.", session_properties=SessionProperties(audio=audio)
        ),
    )
    llm.register_function("get_time", get_time)
    context = LLMContext(tools=TOOLS) if tools else LLMContext()
    pair = LLMContextAggregatorPair(context)
    ears, speaker = Ears(), Loudspeaker()
    pipeline = Pipeline([ears, pair.user(), llm, speaker, pair.assistant()])
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ),
        cancel_on_idle_timeout=False,
    )
    runner = WorkerRunner(handle_sigint=False)
    async with Microphone(ears.hear) as mouth:
        on = Call(worker, context, mouth, speaker)

        @pair.assistant().event_handler("on_assistant_turn_stopped")
        async def stopped(_: object, message: Any) -> None:  # noqa: ANN401
            on.answers.put_nowait(message)

        @worker.event_handler("on_pipeline_error")
        async def failed(_: object, frame: Any) -> None:  # noqa: ANN401
            if not on.failed.done():
                on.failed.set_exception(RuntimeError(repr(frame)))

        await runner.add_workers(worker)
        running = asyncio.create_task(runner.run())
        try:
            yield on
        finally:
            await worker.cancel()
            await running


async def greeting(given: dict[str, Any]) -> dict[str, Any]:
    async with call(given) as on:
        await on.ask()
        return {"answer": await on.answer(), "played_s": on.speaker.played_s}


async def text_turn(given: dict[str, Any]) -> dict[str, Any]:
    async with call(given) as on:
        await on.ask("Who are you?")
        return {"answer": await on.answer(), "played_s": on.speaker.played_s}


async def spoken_turn(given: dict[str, Any]) -> dict[str, Any]:
    async with call(given) as on:
        on.mouth.say(given["question"])
        return {"answer": await on.answer(), "told": on.context.get_messages()}


async def interruption(given: dict[str, Any]) -> dict[str, Any]:
    async with call(given) as on:
        await on.ask("Tell me a story.")
        await on.speaker.has_played(LISTENS_S)
        on.mouth.say(given["interruption"])
        cut = await on.answer()
        return {"cut": cut, "played_s": on.speaker.played_s, "answer": await on.answer()}


async def tool_call(given: dict[str, Any]) -> dict[str, Any]:
    async with call(given, tools=True) as on:
        await on.ask("What time is it?")
        answer = await on.answer()
        calls = [message for message in on.context.get_messages() if message.get("tool_calls")]
        return {"answer": answer, "calls": len(calls)}


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    run(
        {
            "greeting": greeting,
            "text_turn": text_turn,
            "spoken_turn": spoken_turn,
            "interruption": interruption,
            "tool_call": tool_call,
        }
    )
