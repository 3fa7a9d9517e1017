"""One file for every server whose requests differ from OpenAI's. Made from their documentation; none has been tried
against a live server.
"""

from __future__ import annotations

from typing import Final

from bargein.upstream.config import Flavour
from bargein.upstream.dialects.dashscope import DashScope
from bargein.upstream.dialects.openai import Azure, Generic, OpenAI
from bargein.upstream.dialects.sglang_omni import SGLangOmni
from bargein.upstream.dialects.vllm_omni import VLLMOmni
from bargein.upstream.request import Dialect

_DIALECTS: Final[dict[Flavour, Dialect]] = {
    "openai": OpenAI(),
    "azure": Azure(),
    "generic": Generic(),
    "dashscope": DashScope(),
    "vllm-omni": VLLMOmni(),
    "sglang-omni": SGLangOmni(),
}


def dialect_of(server: Flavour) -> Dialect:
    return _DIALECTS[server]
