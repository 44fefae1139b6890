"""Messages over sockets, whole or not at all."""

from __future__ import annotations

import select
import socket
import threading
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from hamster_bench.evaluation.workers.channel import BlockingChannel, ChannelClosedError, PatientChannel, frame


@hypothesis.given(content=st.binary(max_size=200), cuts=st.lists(st.integers(0, 400), max_size=5))
def test_message_in_pieces_is_there_when_it_is_complete(content: bytes, cuts: list[int]) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        channel = PatientChannel(ours)
        sent = frame(content)
        places = sorted({min(cut, len(sent)) for cut in cuts} | {0, len(sent)})
        for start, end in zip(places[:-1], places[1:], strict=True):
            theirs.sendall(sent[start:end])
            channel.advance()
            assert channel.has_message == (end == len(sent))
        assert channel.take() == content
        assert not channel.has_message
        channel.close()


def test_large_messages_go_both_ways_without_either_end_waiting_for_ever() -> None:
    ours, theirs = socket.socketpair()
    channel, far = PatientChannel(ours), BlockingChannel(theirs)
    image = np.arange(4_000_000, dtype=np.uint8)

    def echo() -> None:
        far.send(far.receive())
        theirs.close()

    thread = threading.Thread(target=echo)
    thread.start()
    # Nobody reads yet, and more is sent than a socket holds: the call returns all the same.
    channel.send({"image": image})
    poll = select.poll()
    while not channel.has_message:
        poll.register(channel.fileno(), select.POLLIN | (select.POLLOUT if channel.has_outgoing else 0))
        poll.poll(5000.0)
        channel.advance()
    assert np.array_equal(channel.take()["image"], image)
    thread.join()
    channel.advance()
    assert channel.closed
    assert not channel.has_message
    channel.close()


@pytest.mark.parametrize("sent", [b"", b"\0\0\0", frame([1, 2])[:-1]])
def test_other_end_that_goes_is_noticed_on_either_side(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(sent)
    theirs.close()
    with pytest.raises(ChannelClosedError):
        BlockingChannel(ours).receive()
    with pytest.raises(ChannelClosedError):
        BlockingChannel(ours).send("x" * 1_000_000)
    ours.close()
    ours, theirs = socket.socketpair()
    theirs.sendall(sent)
    theirs.close()
    channel: Any = PatientChannel(ours)
    channel.send("nobody reads this")
    assert channel.closed
    assert not channel.has_message
    channel.close()
