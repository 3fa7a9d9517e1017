"""Virtual time: what is waited for comes at its moment, and nobody waits."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from bargein.loop.clock import steady_s, unix_s
from bargein.loop.lateness import lateness_of
from bargein.session.timers import LoopClock, Timers
from bargein.testing.loop import run

A_DAY_S = 86_400.0


def near(expected_s: float) -> object:
    """Every pass of the loop takes a nanosecond."""
    return pytest.approx(expected_s, abs=1e-4)


def test_a_day_passes_and_nobody_waits() -> None:
    async def main() -> tuple[float, float]:
        steady_before_s, unix_before_s = steady_s(), unix_s()
        await asyncio.sleep(A_DAY_S)
        return steady_s() - steady_before_s, unix_s() - unix_before_s

    assert run(main()) == (near(A_DAY_S), near(A_DAY_S))


def test_what_is_waited_for_together_comes_in_the_order_of_its_times() -> None:
    async def main() -> list[tuple[str, float]]:
        begin_s, came = steady_s(), []

        async def wait(name: str, delay_s: float) -> None:
            await asyncio.sleep(delay_s)
            came.append((name, round(steady_s() - begin_s, 3)))

        await asyncio.gather(wait("late", 7.5), wait("early", 0.02), wait("middle", 3.0))
        return came

    assert run(main()) == [("early", 0.02), ("middle", 3.0), ("late", 7.5)]


def test_a_deadline_passes_at_its_moment() -> None:
    async def main() -> float:
        begin_s = steady_s()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30.0):
                await asyncio.Event().wait()
        return steady_s() - begin_s

    assert run(main()) == near(30.0)


def test_the_servers_own_timers_are_on_it_and_it_is_never_late() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        timers, fired = Timers(LoopClock(loop), loop), loop.create_future()
        begin_s = steady_s()
        timers.wait("key", 600.0, lambda: fired.set_result(steady_s() - begin_s))
        after_s = await fired
        timers.close()
        return after_s, lateness_of(loop).lost_s()

    after_s, lost_s = run(main())
    assert 600.0 <= after_s <= 600.0 + 0.01
    assert lost_s == 0.0


def test_who_asks_again_for_what_is_due_now_finds_that_time_has_passed() -> None:
    async def main() -> None:
        due_s = steady_s() + 1e-8
        while steady_s() < due_s:  # noqa: ASYNC110 (this is the question)
            await asyncio.sleep(0)

    run(main())


def test_the_clock_stands_still_while_a_thread_works() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        begin_s = steady_s()
        may_end, fired = threading.Event(), []
        loop.call_later(5.0, lambda: fired.append("timer"))
        loop.call_soon(may_end.set)
        await asyncio.to_thread(may_end.wait)
        assert not fired
        return steady_s() - begin_s

    assert run(main()) == near(0.0)


def test_a_server_is_found_by_its_port_whatever_the_host() -> None:
    async def main() -> list[bytes]:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read())
            writer.close()

        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        answers = []
        for host in ("127.0.0.1", "localhost", "api.example.com"):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(host.encode())
            writer.write_eof()
            answers.append(await reader.read())
            writer.close()
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        return answers

    assert run(main()) == [b"127.0.0.1", b"localhost", b"api.example.com"]


def test_more_than_a_socket_holds_waits_for_who_reads() -> None:
    sent = b"x" * 5_000_000

    async def main() -> int:
        got = bytearray()

        async def read_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100_000):
                got.extend(data)
                await asyncio.sleep(1.0)
            writer.close()
            done.set()

        done = asyncio.Event()
        server = await asyncio.start_server(read_slowly, "127.0.0.1", 0)
        begin_s = steady_s()
        _, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        writer.write(sent)
        await writer.drain()
        assert steady_s() - begin_s > 10.0
        writer.close()
        await done.wait()
        server.close()
        return len(got)

    assert run(main()) == len(sent)


def test_two_servers_have_two_ports_and_a_taken_one_is_refused() -> None:
    async def main() -> None:
        first, second = [await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0) for _ in range(2)]
        ports = {server.sockets[0].getsockname()[1] for server in (first, second)}
        assert len(ports) == 2
        with pytest.raises(OSError, match="is taken"):
            await asyncio.start_server(lambda _, __: None, "127.0.0.1", ports.pop())

    run(main())


def test_a_bound_socket_may_be_given_as_any_server_takes_it() -> None:
    run(_serve_on_a_bound_socket())


async def _serve_on_a_bound_socket() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        gone = asyncio.Event()

        class Peer(asyncio.Protocol):
            def connection_lost(self, exc: Exception | None) -> None:
                gone.set()

        loop = asyncio.get_running_loop()
        server = await loop.create_server(Peer, sock=sock)
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", sock.getsockname()[1])
        transport.abort()
        await gone.wait()
        server.close()


@pytest.mark.parametrize("end", ["close_clients", "abort_clients"])
def test_a_server_can_end_its_connections(end: str) -> None:
    run(_serve_and_end_the_connection(end))


async def _serve_and_end_the_connection(end: str) -> None:
    gone = asyncio.Event()

    class Peer(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            gone.set()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Peer, "127.0.0.1", 0)
    await loop.create_connection(asyncio.Protocol, "127.0.0.1", server.sockets[0].getsockname()[1])
    await asyncio.sleep(1.0)
    assert not gone.is_set()
    getattr(server, end)()
    await gone.wait()
    server.close()
