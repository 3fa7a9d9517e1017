"""Items and responses as they are now: what an action tells must not change afterwards, for it may be kept.

Sound is shared, for it never changes; what holds it is not.
"""

from __future__ import annotations

from dataclasses import replace

from bargein.core.items import FunctionCall, Item, Message, OutputAudio, Part, Response


def message_now(message: Message) -> Message:
    """The message as it is."""
    return replace(message, parts=[_part_now(part) for part in message.parts])


def output_now(item: Message | FunctionCall) -> Message | FunctionCall:
    """The item of a reply as it is."""
    return message_now(item) if isinstance(item, Message) else replace(item)


def item_now(item: Item) -> Item:
    """The item as it is."""
    return message_now(item) if isinstance(item, Message) else replace(item)


def response_now(response: Response) -> Response:
    """The response as it is, with its output."""
    return replace(response, output=[item_now(item) for item in response.output])


def response_alone(response: Response) -> Response:
    """The response as it is, without its output: for what tells of one item of it."""
    return replace(response, output=[])


def _part_now(part: Part) -> Part:
    if isinstance(part, OutputAudio):
        return replace(part, pieces=list(part.pieces), timeline=part.timeline.upto(part.transcript))
    return replace(part)
