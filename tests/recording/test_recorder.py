"""Files of recorded calls: whole when the process is killed, bounded, readable by nobody else, without secrets."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import structlog

from bargein.core import events
from bargein.core.config import CorePolicy, SessionConfig
from bargein.core.items import Failure
from bargein.errors import SettingsError
from bargein.recording import CallRecording, Recorder, RecordingError, read_call
from bargein.recording.recorder import DISK_FAILED, DISK_SLOW, FOLDER_FULL, TOO_LARGE, UNWRITABLE

LARGE = 100_000_000


def recorder_in(folder: Path, *, call_bytes: int = LARGE, total_bytes: int = LARGE, secret: str = "") -> Recorder:
    return Recorder(folder, call_bytes, total_bytes, [secret], structlog.get_logger())


def begin(recorder: Recorder, session_id: str = "sess_1", *, now: float = 10.0) -> CallRecording:
    return recorder.begin(
        session_id, SessionConfig(), CorePolicy(lead_ms=250), reports=True, unix_offset_s=1_800_000_000.0, now=now
    )


def sound(ms: int) -> events.AudioAppended:
    return events.AudioAppended(b"\0\1" * 24 * ms)


def test_a_call_is_read_as_it_was(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path / "new" / "folder")
    recording = begin(recorder)
    happened: list[tuple[float, events.Event]] = [
        (10.5, sound(20)),
        (10.52, events.CommitRequested()),
        (11.0, events.CallerLeft()),
    ]
    for at, event in happened:
        recording.note(event, at)
    recording.close()
    recording.note(events.TimerFired(), 12.0)
    assert recorder.flush(30)
    call = read_call(recording.path)
    assert call.happened == happened
    assert (call.session_id, call.key, call.reports, call.unix_offset_s) == ("sess_1", "1", True, 1_800_000_000.0)
    assert (call.config, call.policy) == (SessionConfig(), CorePolicy(lead_ms=250))
    assert call.ended == "the call was over"
    assert recording.path.name == "20270115T080010Z-sess_1.bargein.jsonl"


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path / "calls")
    recording = begin(recorder)
    assert recorder.flush(30)
    assert stat.S_IMODE(recording.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(recording.path.parent.stat().st_mode) == 0o700


def test_it_is_whole_when_the_process_is_killed(tmp_path: Path) -> None:
    program = """
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, os.environ["TESTS"])
        from recording.test_recorder import begin, recorder_in, sound
        recorder = recorder_in(Path(sys.argv[1]))
        recording = begin(recorder)
        for number in range(500):
            recording.note(sound(20), 10.0 + number)
        recorder.flush(30)
        recording.note(sound(20), 1000.0)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    environment = {**os.environ, "TESTS": str(Path(__file__).parents[1])}
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)], env=environment, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    (path,) = tmp_path.iterdir()
    call = read_call(path)
    assert [at for at, _ in call.happened][:500] == [10.0 + number for number in range(500)]
    assert call.ended == "the server stopped in the middle of it"


def test_half_a_line_at_its_end_is_left_out(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    recording = begin(recorder)
    recording.note(sound(20), 10.5)
    recording.note(sound(20), 10.52)
    assert recorder.flush(30)
    whole = recording.path.read_bytes()
    for cut in range(1, len(whole.splitlines(keepends=True)[-1]), 97):
        recording.path.write_bytes(whole[:-cut])
        assert len(read_call(recording.path).happened) == 1


def test_it_ends_at_its_limit_and_says_so(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, call_bytes=20_000)
    recording = begin(recorder)
    for number in range(100):
        recording.note(sound(20), 10.0 + number)
    assert recorder.flush(30)
    assert recording.path.stat().st_size < 20_100
    call = read_call(recording.path)
    assert 10 < len(call.happened) < 20
    assert TOO_LARGE in call.ended


def test_the_oldest_make_room(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, total_bytes=60_000)
    paths = []
    (tmp_path / "notes.txt").write_text("not a recording")
    for number in range(6):
        recording = begin(recorder, f"sess_{number}")
        for at in range(12):
            recording.note(sound(20), 10.0 + at)
        recording.close()
        assert recorder.flush(30)
        os.utime(recording.path, (number, number))
        paths.append(recording.path)
    there = [path.exists() for path in paths]
    assert there == [False] * 3 + [True] * 3
    assert sum(path.stat().st_size for path in paths[3:]) <= 60_000
    assert (tmp_path / "notes.txt").exists()


def test_where_all_are_open_and_there_is_no_room_it_ends(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path, total_bytes=40_000)
    first, second = begin(recorder, "sess_1"), begin(recorder, "sess_2")
    for at in range(40):
        for recording in (first, second):
            recording.note(sound(20), 10.0 + at)
        assert recorder.flush(30)
    assert {FOLDER_FULL in read_call(recording.path).ended for recording in (first, second)} == {True}
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 40_300


def test_a_disk_that_is_too_slow_ends_it_and_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bargein.recording.recorder.QUEUE_BYTES", 30_000)
    recorder = recorder_in(tmp_path)
    recording = begin(recorder)
    for at in range(1000):  # All of it before the writer's first pass.
        recording.note(sound(20), 10.0 + at)
    assert recorder.flush(30)
    call = read_call(recording.path)
    assert len(call.happened) < 1000
    assert DISK_SLOW in call.ended


def test_a_disk_that_fails_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = recorder_in(tmp_path)
    recording = begin(recorder)
    recording.note(sound(20), 10.0)
    assert recorder.flush(30)
    write = os.write

    def full(descriptor: int, data: bytes) -> int:
        if len(data) > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr("bargein.recording.recorder.os.write", full)
    recording.note(sound(40), 10.02)
    recording.note(sound(40), 10.04)
    assert recorder.flush(30)
    call = read_call(recording.path)
    assert len(call.happened) == 1
    assert DISK_FAILED in call.ended


def test_what_cannot_be_written_down_ends_it_and_nothing_else(tmp_path: Path) -> None:
    recorder = recorder_in(tmp_path)
    recording = begin(recorder)
    recording.note(events.StreamProgressed("resp_1", object()), 10.0)  # type: ignore[arg-type]
    recording.note(events.TimerFired(), 11.0)
    assert recorder.flush(30)
    assert read_call(recording.path).happened == []
    assert UNWRITABLE in read_call(recording.path).ended


def test_no_secret_stands_in_it(tmp_path: Path) -> None:
    secret = 'sk-"quoted"-and-long'
    recorder = recorder_in(tmp_path, secret=secret)
    recording = begin(recorder)
    recording.note(events.StreamFailed("resp_1", Failure("server_error", None, f"Bad key {secret}.")), 10.0)
    assert recorder.flush(30)
    ((_, failed),) = read_call(recording.path).happened
    assert isinstance(failed, events.StreamFailed)
    assert failed.failure.message == "Bad key (secret)."
    assert b"quoted" not in recording.path.read_bytes()


def test_a_folder_that_cannot_be_written_is_said_at_start(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    with pytest.raises(SettingsError, match=r"BARGEIN_RECORD_DIR .*taken: "):
        recorder_in(taken)


@pytest.mark.parametrize(
    ("name", "value"), [("confirm_after_ms", 0), ("confirm_after_ms", -1), ("max_items", 0), ("rate_hz", 0)]
)
def test_numbers_that_no_call_can_have_are_refused_in_words(tmp_path: Path, name: str, value: int) -> None:
    recorder = recorder_in(tmp_path)
    recording = begin(recorder)
    recording.close()
    assert recorder.flush(30)
    head, *rest = recording.path.read_bytes().split(b"\n")
    changed = re.sub(rb'"%s":\d+' % name.encode(), b'"%s":%d' % (name.encode(), value), head)
    assert changed != head
    recording.path.write_bytes(b"\n".join([changed, *rest]))
    with pytest.raises(RecordingError, match=rf"line 1: .*{name} is {value}: give \d+ or more"):
        read_call(recording.path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no recording of a call"),
        (b"hello\n", "is no recording of a call"),
        (b'{"bargein_recording":1}\n', "line 1: is not what a recording begins with"),
        (b'{"bargein_recording":2,"version":"9.1"}\n', "has format 2.*use the version that recorded it, 9.1"),
        (b'{"bargein_recording":1}\n[1]\n', "line 2: is no event"),
        (b'{"bargein_recording":1}\n[1,{"$":"Encoding","v":"audio/pcm"}]\n', "line 2: is no event"),
        (b'{"bargein_recording":1}\n["now",{"$":"TimerFired"}]\n', "line 2: is no event"),
        (b'{"bargein_recording":1}\n\xff\n', "line 2: is no event"),
        (b'{"bargein_recording":1}\nnull\n', "line 2: is no event"),
        (b'{"bargein_recording":1}\n[1,{"$":"Window","sample_count":null}]\n', "Window.sample_count cannot be 'None'"),
        (
            b'{"bargein_recording":1}\n[1,{"$":"Window","sample_count":480,"probability":"x"}]\n',
            "line 2: is no event .*Window.probability cannot be 'x'",
        ),
        (b'{"bargein_recording":1}\n7\n', "line 2: is no event"),
        (b'{"bargein_recording":1}\n{"$":"json"}\n', "line 2: is no event"),
        (b'{"bargein_recording":1}\n[1' + b"0" * 400 + b',{"$":"TimerFired"}]\n', "line 2: is no event"),
        (b'{"bargein_recording":1}\n[NaN,{"$":"TimerFired"}]\n', "line 2: is no event"),
        (b'{"bargein_recording":1e999}\n', "is no recording of a call"),
        (b"[" * 100_000 + b"\n", "is no recording of a call"),
    ],
)
def test_what_is_no_recording_is_refused_in_words(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x.bargein.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=said):
        read_call(path)
    with pytest.raises(RecordingError, match="No such file"):
        read_call(tmp_path / "nowhere")
