"""The command line: help that teaches, and errors that are one line."""

from __future__ import annotations

import inspect
import json
import os
import shlex
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from bargein.cli import Command, available_commands
from bargein.demo.process import DemoModelProcess
from support.command_line import bargein
from support.http import http_client
from support.processes import ignore_nothing
from support.server_process import without_settings

HEAVY = ("numpy", "pydantic", "httpx", "uvicorn", "starlette", "websockets", "aiohttp")


def bargein_process(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bargein", *arguments],
        cwd=cwd,
        env=without_settings() | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=ignore_nothing,
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    shown = bargein_process("--help", cwd=tmp_path)
    assert shown.returncode == 0
    for command in available_commands():
        assert f"  {command.name} " in shown.stdout
        assert command.summary in " ".join(shown.stdout.split())


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from bargein.cli import build_app; import typer.main; typer.main.get_command(build_app(None)); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("command", available_commands(), ids=lambda command: str(command.name))
def test_a_summary_is_the_first_line_of_the_commands_own_help(command: Command) -> None:
    text = inspect.getdoc(command.load()) or ""
    assert text.partition("\n\n")[0].replace("\n", " ") == command.summary


def examples(command: Command) -> list[str]:
    """The lines of its help that a person may type."""
    lines = (inspect.getdoc(command.load()) or "").splitlines()
    return [line for line in lines if line.startswith((" ", "Example: "))]


@pytest.mark.parametrize("columns", ["40", "200"])
@pytest.mark.parametrize("command", available_commands(), ids=lambda command: str(command.name))
def test_what_can_be_typed_is_not_wrapped(command: Command, columns: str, tmp_path: Path) -> None:
    shown = bargein(command.name, "--help", cwd=tmp_path, COLUMNS=columns).stdout.splitlines()
    assert examples(command)
    assert [line for line in examples(command) if f"  {line}" not in shown] == []


async def test_the_request_in_the_help_of_the_demo_model_is_answered(demo_model: DemoModelProcess) -> None:
    (command,) = (command for command in available_commands() if command.name == "demo-model")
    text = "\n".join(examples(command))
    words = shlex.split(text[text.index("curl ") :])
    body = json.loads(words[words.index("-d") + 1])
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:8766/v1/chat/completions"]
    async with http_client(timeout=60) as client:
        answer = await client.post(f"{demo_model.base_url}/chat/completions", json=body)
    assert answer.status_code == 200
    assert answer.text.endswith("data: [DONE]\n\n")


def test_serve_help_teaches(tmp_path: Path) -> None:
    shown = bargein("serve", "--help", cwd=tmp_path)
    assert shown.returncode == 0
    for words in ("--upstream", "--api-key-env", "BARGEIN_", "Example: bargein serve"):
        assert words in shown.stdout


def test_version(tmp_path: Path) -> None:
    assert bargein_process("--version", cwd=tmp_path).stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--port", "99999"], "--port: '99999' is not allowed: give a whole number from 0 to 65535"),
        (["--host", "192.0.2.1", "--port", "0", "--upstream", "http://127.0.0.1:9/v1"], "BARGEIN_HOST: cannot listen"),
    ],
)
def test_a_wrong_setting_ends_the_process_with_one_line(tmp_path: Path, arguments: list[str], line: str) -> None:
    shown = bargein_process("serve", *arguments, cwd=tmp_path, BARGEIN_ALLOW_INSECURE="1")
    assert shown.returncode == 2
    assert line in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1, shown.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (["serve", "--port", "99999"], {}, "--port: '99999' is not allowed: give a whole number from 0 to 65535"),
        (["serve", "--port", "soon"], {}, "--port: 'soon' is not allowed: give a whole number from 0 to 65535"),
        (["serve", "--workers", "inf"], {}, "--workers: 'inf' is not allowed: give a whole number"),
        (["serve"], {"BARGEIN_LEAD_MS": "soon"}, "BARGEIN_LEAD_MS: 'soon' is not allowed: give a whole number"),
        (["serve", "--host", "0.0.0.0"], {}, "set BARGEIN_API_KEYS"),
        (["serve", "--port", "0", "--upstream", "http://u:p@127.0.0.1/v1"], {}, "user name or password"),
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], line: str
) -> None:
    shown = bargein(*arguments, cwd=tmp_path, **environment)
    assert shown.returncode == 2
    assert line in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1, shown.stderr


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["call", "--sample", "x"], "'x' is not allowed: give question, interruption or cough"),
        (["load", "--format", "x"], "'x' is not allowed: give pcm or pcmu"),
    ],
)
def test_a_name_that_is_none_is_refused_in_our_own_words(arguments: list[str], refusal: str, tmp_path: Path) -> None:
    refused = bargein(*arguments, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].endswith(f"Invalid value for '{arguments[1]}': {refusal}")


@pytest.mark.parametrize("command", available_commands(), ids=lambda command: command.name)
def test_options_are_read_by_parsers_of_our_own(command: Command) -> None:
    """Or are text, a path or a flag, which take everything: a library's own refusals are in its own words."""
    for name, hint in typing.get_type_hints(command.load(), include_extras=True).items():
        option = next((extra for extra in getattr(hint, "__metadata__", ()) if hasattr(extra, "parser")), None)
        if option is None or option.parser is not None:
            continue
        taken = set(typing.get_args(hint.__origin__)) or {hint.__origin__}
        assert taken <= {str, Path, bool, type(None), list[str], list[Path]}, name


def test_a_refusal_is_one_line_whatever_a_file_holds(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('instructions = "x"\n"one\\ntwo\\u001b[31m" = 1\n', encoding="utf-8")
    shown = bargein("serve", "--agent", "a.toml", "--port", "0", cwd=tmp_path)
    assert shown.returncode == 2
    assert r"line 1: Unknown parameter: 'one\ntwo\x1b[31m'." in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_ctrl_c_while_a_command_is_imported_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'bargein.cli.serve':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Finder())\n",
        encoding="utf-8",
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    shown = bargein_process("serve", "--port", "0", cwd=tmp_path, PYTHONPATH=path)
    assert (shown.returncode, shown.stderr) == (130, "")
