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
from outside import RATE_HZ, Answers, Microphone, run_agent
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    LLMRunFrame,
    OutputAudioRawFrame,
    StartFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection
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
        self.open = asyncio.Event()

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        self.open.set()

    async def hear(self, frame: bytes) -> None:
        await self.push_audio_frame(InputAudioRawFrame(frame, RATE_HZ, 1))


class Loudspeaker(BaseOutputTransport):
    """Plays in real time."""

    def __init__(self) -> None:
        super().__init__(PARAMS)
        self.given_s = 0.0
        """Of sound that has arrived, the silence that Pipecat fills in left out."""
        self._played_s = 0.0
        self._played = asyncio.Condition()
        self._free_at = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, TTSAudioRawFrame):
            self.given_s += len(frame.audio) / 2 / frame.sample_rate
        await super().process_frame(frame, direction)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        now = asyncio.get_running_loop().time()
        duration_s = len(frame.audio) / 2 / frame.sample_rate
        self._free_at = max(now, self._free_at) + duration_s
        await asyncio.sleep(self._free_at - now)
        if any(frame.audio):
            async with self._played:
                self._played_s += duration_s
                self._played.notify_all()
        return True

    async def has_played(self, seconds: float) -> None:
        """Return when so much speech was played."""
        async with self._played:
            await self._played.wait_for(lambda: self._played_s >= seconds)


class Call:
    """One call with the agent."""

    def __init__(self, worker: PipelineWorker, context: LLMContext, mouth: Microphone, speaker: Loudspeaker) -> None:
        self.mouth = mouth
        self.answers = Answers()
        self._worker = worker
        self._context = context
        self._speaker = speaker

    @property
    def played_s(self) -> float:
        """What a loudspeaker of its own pace would have played: on a busy machine this process is late."""
        return self._speaker.given_s

    async def greet(self) -> None:
        await self._worker.queue_frames([LLMRunFrame()])

    async def ask(self, text: str) -> None:
        self._context.add_message({"role": "user", "content": text})
        await self.greet()

    async def listen(self, seconds: float) -> None:
        await self._speaker.has_played(seconds)

    def told(self) -> list[Any]:
        return list(self._context.get_messages())

    def calls(self) -> int:
        return sum(bool(message.get("tool_calls")) for message in self._context.get_messages())


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
            # On a busy machine its frames come in bursts, and a second without any would be the end of a turn.
            turn_detection=TurnDetection(type="server_vad", silence_duration_ms=2000),
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
    mouth = Microphone(ears.hear)
    on = Call(worker, context, mouth, speaker)
    started = asyncio.Event()

    @worker.event_handler("on_pipeline_started")
    async def has_started(_: object, __: Frame) -> None:
        started.set()

    @pair.assistant().event_handler("on_assistant_turn_stopped")
    async def stopped(_: object, message: Any) -> None:  # noqa: ANN401
        if message.content:  # A turn that only calls a tool says nothing.
            on.answers.add(message.content)

    @worker.event_handler("on_pipeline_error")
    async def failed(_: object, frame: Any) -> None:  # noqa: ANN401
        on.answers.fail(frame)

    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    try:
        # What is said before is lost: the service drops sound until it is connected.
        await asyncio.gather(started.wait(), ears.open.wait())
        async with mouth:
            yield on
    finally:
        await worker.cancel()
        await running


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    run_agent(call)
