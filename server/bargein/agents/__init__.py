"""Agents that an operator describes in files: what they are told, how they sound, which tools they have.

``file`` reads and checks one, ``agents`` is all of them, ``agent`` is one as sessions use it, ``client`` calls the
tools, which are HTTP endpoints of the operator's.
"""

from bargein.agents.agent import Agent, Tool
from bargein.agents.agents import NO_AGENTS, Agents, load_agents
from bargein.agents.client import ToolClient, ToolOutcome

__all__ = ["NO_AGENTS", "Agent", "Agents", "Tool", "ToolClient", "ToolOutcome", "load_agents"]
