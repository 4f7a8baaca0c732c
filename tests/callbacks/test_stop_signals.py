"""After a signal, training ends its step and writes a backup, from which it resumes."""

import os
import signal
import threading
import time

import keras
import pytest

from dfad_tf.callbacks import Backup, StopSignals
from dfad_tf.compute.training_state import read_state
from tests.callbacks.test_backup import equal
from tests.helpers.small_distiller import fit, labelled, make

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Send(keras.callbacks.Callback):
    """Send signals to this process: in a step, or at the beginning of the validation."""

    def __init__(self, numbers, at=None):
        super().__init__()
        self.numbers, self.at, self.epoch = numbers, at, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        self.send((self.epoch, batch))

    def on_test_begin(self, logs=None):
        self.send((self.epoch, None))

    def send(self, position):
        if position == self.at:
            for number in self.numbers:
                os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def handlers():
    """Restore the handlers after each test."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


def train(*callbacks):
    distiller = make("dfad")
    history = fit(
        distiller, epochs=3, steps=3, callbacks=list(callbacks), validation_data=labelled()
    )
    return read_state(distiller), history.history


@pytest.fixture(scope="module")
def straight():
    keras.utils.set_random_seed(0)
    return train()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "at", "position"),
    [(signal.SIGTERM, (1, 1), (1, 2)), (signal.SIGINT, (1, None), (1, 3))],
    ids=["SIGTERM_in_a_step", "Ctrl-C_before_measuring"],
)
def test_the_step_ends_and_the_next_fit_resumes(
    tmp_path, straight, handlers, caplog, number, at, position
):
    left = SystemExit if number == signal.SIGTERM else KeyboardInterrupt
    with pytest.raises(left) as stopped, StopSignals() as stop:
        train(Send([number], at), Backup(tmp_path, every="1h", stop=stop))
    where = f"the backup is from epoch 2 after step {position[1]}, and the same command resumes"
    if number == signal.SIGTERM:
        assert stopped.value.code == 143
        assert caplog.messages[-1] == f"stopped by SIGTERM; {where} from it"
    else:
        assert str(stopped.value) == f"stopped by Ctrl-C; {where} from it"
    assert {n: signal.getsignal(n) for n in NUMBERS} == handlers
    assert Backup(tmp_path).position() == position
    state, history = train(Backup(tmp_path))
    assert history == straight[1]
    assert equal(state, straight[0])


class Again(Exception):
    """Raised by the handler that was set before."""


@pytest.mark.parametrize("number", NUMBERS)
def test_a_second_signal_stops_at_once(tmp_path, number):
    def own(number, frame):
        raise Again

    signal.signal(number, own)
    with pytest.raises(Again), StopSignals() as stop:
        train(Send([number, number], (0, 0)), Backup(tmp_path, every="1h", stop=stop))
    assert stop.received == number and signal.getsignal(number) is own
    assert not list(tmp_path.iterdir())  # No backup was written.


@pytest.mark.parametrize(
    ("number", "left"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_after_the_last_step_stops_at_the_end(handlers, caplog, number, left):
    continued = False
    with pytest.raises(left) as stopped, StopSignals() as stop:
        stop.training_begins()
        os.kill(os.getpid(), number)
        continued = True
    assert continued
    text = str(stopped.value) + caplog.text
    assert "training has ended, and the same command continues with the evaluation" in text
    assert {n: signal.getsignal(n) for n in NUMBERS} == handlers


@pytest.mark.parametrize(
    ("number", "left"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_before_the_first_step_stops_at_once(handlers, caplog, number, left):
    """There is nothing to save yet, and images may be drawn for minutes."""
    continued = False
    with pytest.raises(left) as stopped, StopSignals():
        os.kill(os.getpid(), number)
        time.sleep(1)
        continued = True
    assert not continued
    assert "training had not begun" in str(stopped.value) + caplog.text
    assert {n: signal.getsignal(n) for n in NUMBERS} == handlers


def test_an_error_is_not_hidden_by_a_signal(handlers):
    with pytest.raises(MemoryError, match="first"), StopSignals() as stop:
        stop.training_begins()
        os.kill(os.getpid(), signal.SIGTERM)
        raise MemoryError("first")
    assert {n: signal.getsignal(n) for n in NUMBERS} == handlers


def test_without_a_signal_nothing_happens(handlers):
    with StopSignals() as stop:
        assert signal.getsignal(signal.SIGTERM) not in handlers.values()
    assert stop.received is None
    assert {n: signal.getsignal(n) for n in NUMBERS} == handlers


def test_in_another_thread_it_does_nothing(handlers):
    seen = []

    def inside():
        with StopSignals() as stop:
            seen.append((stop.received, {n: signal.getsignal(n) for n in NUMBERS}))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [(None, handlers)]
