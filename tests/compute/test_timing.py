"""Calls are timed after one that may compile."""

import types

from dfad_tf.compute import timing


def test_the_first_call_is_not_timed(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(timing, "time", types.SimpleNamespace(monotonic=clock.__next__))
    calls = []
    times = timing.seconds_of_calls(lambda: calls.append(next(clock)), 3)
    # The clock ticks once before, once within and once after each timed call.
    assert calls == [0, 2, 5, 8] and times == [2, 2, 2]
