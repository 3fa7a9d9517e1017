"""All agents of a server, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from bargein.agents.agent import Agent
from bargein.agents.file import ReadVariable, read_agent
from bargein.errors import SettingsError

SUFFIX: Final = ".toml"
_SHOWN: Final = 100


class Agents:
    """The first one answers callers who name none.

    :param secret_values: what stands in their headers out of variables.
    """

    def __init__(self, agents: Iterable[Agent] = (), secret_values: tuple[str, ...] = ()) -> None:
        self._by_name: Mapping[str, Agent] = {agent.name: agent for agent in agents}
        self.secret_values: Final = secret_values

    def __iter__(self) -> Iterator[Agent]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def default(self) -> Agent | None:
        """Who answers callers who name none; ``None`` where there are no agents."""
        return next(iter(self), None)

    @property
    def have_tools(self) -> bool:
        """Any of them."""
        return any(agent.tools for agent in self)

    def choose(self, name: str | None) -> Agent | None:
        """Who answers a caller.

        :param name: as the caller asks for one; ``None`` or empty for whoever there is.
        :raises LookupError: there is none of that name; its text says which there are.
        """
        if not name:
            return self.default
        found = self._by_name.get(name)
        if found is not None:
            return found
        shown = repr(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…")
        if not self._by_name:
            raise LookupError(f"There is no agent {shown}: this server was started without agents.")
        raise LookupError(f"There is no agent {shown}. There are: {', '.join(self._by_name)}.")


NO_AGENTS: Final = Agents()


def load_agents(paths: Iterable[Path], read_variable: ReadVariable) -> Agents:
    """Read files, all files of folders, and, by their names, the agents that come with this package.

    :raises SettingsError: one cannot be read or is wrong, two have one name, or a folder holds none.
    """
    agents: dict[str, tuple[Agent, Path]] = {}
    secrets: list[str] = []
    for path in _files(paths):
        agent, hidden = read_agent(path, read_variable)
        if agent.name in agents:
            raise SettingsError(
                f"{path}: an agent called '{agent.name}' is in {agents[agent.name][1]} already: give it another 'name'"
            )
        agents[agent.name] = agent, path
        secrets += hidden
    return Agents((agent for agent, _ in agents.values()), tuple(secrets))


def ready_agents() -> dict[str, Path]:
    """The files that come with this package, by name."""
    folder = Path(str(resources.files("bargein.agents") / "ready"))
    return {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    ready = ready_agents()
    for path in paths:
        if path.is_dir():
            found = sorted(path.glob(f"*{SUFFIX}"))
            if not found:
                raise SettingsError(f"the folder {path} holds no agent: no file in it ends in {SUFFIX}")
            yield from found
        elif path.exists():
            yield path
        elif str(path) in ready:
            yield ready[str(path)]
        else:
            raise SettingsError(
                f"there is no agent {path}: give a file, a folder of files, or one of {', '.join(ready)}"
            )
