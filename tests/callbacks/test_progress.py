"""The progress of a run: which metrics it shows, and how, on a terminal and elsewhere."""

import io
import re
import sys

import keras
import numpy as np
import pytest

from dfad_tf.callbacks import Backup, Progress
from dfad_tf.distillation.supervised_distiller import SupervisedDistiller
from dfad_tf.methods.supervised_objectives import LabelObjective
from dfad_tf.utils.errors import InputError
from tests.conftest import same, small_classifier, weights
from tests.helpers.interrupt import Interrupt
from tests.helpers.small_distiller import fit, labelled, make

NUMBER = r"-?\d[\d.e+-]*"
LEFT = r"about \d+ (s|min \d+ s|h \d+ min) left"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def open_terminal(monkeypatch):
    """A function, since pytest sets standard output again after a fixture."""

    def opened():
        monkeypatch.setattr(sys, "stdout", Terminal())
        return sys.stdout

    return opened


def lines(capsys):
    return capsys.readouterr().out.splitlines()


def plain(text):
    """What a terminal shows, without colors, line by line."""
    return re.sub(r"\x1b\[\d+m|\r", "", text).splitlines()


@pytest.mark.slow
def test_elsewhere_each_epoch_has_one_line(capsys):
    fit(make(), epochs=3, callbacks=[Progress()])
    found = lines(capsys)
    metrics = f"loss: {NUMBER} - generator_loss: {NUMBER} - val_agreement: {NUMBER}"
    for epoch, line in enumerate(found[:2]):
        assert re.fullmatch(rf"Epoch {epoch + 1}/3 - \d+ s - {metrics} - {LEFT}", line), line
    assert re.fullmatch(rf"Epoch 3/3 - \d+ s - {metrics}", found[2])
    assert len(found) == 3


@pytest.mark.slow
def test_the_line_has_the_values_of_the_history(capsys):
    history = fit(make(), epochs=2, callbacks=[Progress()]).history
    for epoch, line in enumerate(lines(capsys)):
        found = dict(re.findall(rf"(\w+): ({NUMBER})", line))
        assert set(found) == {"loss", "generator_loss", "val_agreement"}
        for name, value in found.items():
            assert float(value) == pytest.approx(history[name][epoch], rel=1e-3)
    assert "class_entropy" in history  # which the line does not show


@pytest.mark.slow
def test_a_terminal_shows_one_bar_for_each_epoch(open_terminal):
    terminal = open_terminal()
    fit(make(), epochs=2, steps=3, callbacks=[Progress()])
    title, bar, second_title, second_bar = plain(terminal.getvalue())
    assert title == "Epoch 1/2" and re.fullmatch(rf"Epoch 2/2, {LEFT}", second_title)
    for text in (bar, second_bar):
        last = text.split("\b")[-1]
        assert "3/3" in last and "━" in last
        names = re.findall(r"- (\w+):", last)
        assert names == ["loss", "generator_loss", "val_agreement"]
        assert "class_entropy" not in text


@pytest.mark.slow
@pytest.mark.parametrize(("verbose", "count"), [(0, 0), (2, 2)])
def test_verbose_has_the_meaning_of_keras(open_terminal, verbose, count):
    terminal = open_terminal()
    fit(make(), epochs=2, callbacks=[Progress(verbose)])
    found = plain(terminal.getvalue())
    assert len(found) == count and all("\b" not in line for line in found)


@pytest.mark.slow
def test_a_bar_may_be_asked_for_elsewhere_too(capsys):
    fit(make(), callbacks=[Progress(1)])
    assert "━" in capsys.readouterr().out


def test_an_unknown_verbosity_is_refused():
    with pytest.raises(InputError, match="Expected `verbose` .* Received: verbose=3"):
        Progress(3)


def test_it_shows_what_a_supervised_distiller_logs(capsys):
    images, labels = labelled()
    distiller = SupervisedDistiller(small_classifier(), small_classifier(), [LabelObjective()])
    distiller.compile("adam", metrics=["accuracy"])
    distiller.fit(images, labels, 8, epochs=2, verbose=0, callbacks=[Progress()])
    first, second = lines(capsys)
    assert re.fullmatch(rf"Epoch 1/2 - \d+ s - loss: {NUMBER} - {LEFT}", first)
    assert re.fullmatch(rf"Epoch 2/2 - \d+ s - loss: {NUMBER}", second)


@pytest.mark.parametrize("verbose", [1, 2])
def test_it_shows_chosen_metrics_of_a_plain_model_on_a_generator(open_terminal, verbose):
    terminal = open_terminal()
    images, labels = labelled()
    model = small_classifier()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    batches = ((images[i : i + 8], labels[i : i + 8]) for i in (0, 8, 16))
    progress = Progress(verbose, ("accuracy", "val_accuracy", "absent"))
    model.fit(batches, epochs=1, verbose=0, callbacks=[progress], validation_data=(images, labels))
    last = plain(terminal.getvalue())[-1]
    assert re.findall(r"- (\w+):", last.split("\b")[-1]) == ["accuracy", "val_accuracy"]
    assert verbose == 2 or "3/3" in last


@pytest.mark.slow
def test_training_is_the_same_with_and_without_it(capsys):
    shown, silent = make(), make()
    fit(shown, epochs=2, callbacks=[Progress()])
    fit(silent, epochs=2)
    assert same(weights(shown.student), weights(silent.student))


class Clock:
    """A clock that only `Seconds` moves."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


class Seconds(keras.callbacks.Callback):
    """Let each step that is not skipped take ten seconds."""

    def __init__(self, clock):
        super().__init__()
        self.clock, self.before = clock, None

    def on_train_begin(self, logs=None):
        self.before = int(self.model.optimizer.iterations)

    def on_train_batch_end(self, batch, logs=None):
        done = int(self.model.optimizer.iterations)
        self.clock.now += 10 * (done > self.before)
        self.before = done


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("dfad_tf.callbacks.progress.time", clock)
    return clock


def times_left(capsys):
    found = [re.search(r"about (.*) left", line) for line in lines(capsys)]
    return [match and match[1] for match in found]


EXPECTED = ["2 min 0 s", "1 min 20 s", "40 s", None]


@pytest.mark.slow
def test_the_time_left_is_that_of_the_whole_run(capsys, clock):
    fit(make(), epochs=4, steps=4, callbacks=[Seconds(clock), Progress()])
    assert times_left(capsys) == EXPECTED


@pytest.mark.slow
def test_a_second_fit_counts_its_own_steps(capsys, clock):
    distiller = make()
    fit(distiller, epochs=9, steps=4)
    fit(distiller, epochs=4, steps=4, callbacks=[Seconds(clock), Progress()])
    assert times_left(capsys) == EXPECTED
    fit(distiller, epochs=4, steps=4, initial_epoch=2, callbacks=[Seconds(clock), Progress()])
    assert times_left(capsys) == EXPECTED[2:]


@pytest.mark.slow
@pytest.mark.parametrize("at", [(0, 2), (1, 0), (1, 3)])
def test_a_resumed_run_counts_the_steps_of_this_process(tmp_path, capsys, clock, at):
    with pytest.raises(MemoryError):
        fit(make(), epochs=4, steps=4, callbacks=[Backup(tmp_path, every=1), Interrupt(*at)])
    backup = Backup(tmp_path, every=1)
    fit(make(), epochs=4, steps=4, callbacks=[backup, Seconds(clock), Progress()])
    found = times_left(capsys)
    begun = at[0]
    if at[1] == 3:  # Only the end of the epoch was left, in which no step was taken.
        assert found == [None, *EXPECTED[begun + 1 :]]
    else:
        assert found == EXPECTED[begun:]


def test_numbers_of_several_workers_are_shown(capsys):
    progress = Progress(2)
    progress.set_params({"epochs": 1, "steps": 1})
    progress.set_model(make())
    progress.on_train_begin()
    progress.on_epoch_begin(0)
    progress.on_epoch_end(0, {"loss": np.array([0.25])})
    assert lines(capsys) == ["Epoch 1/1 - 0 s - loss: 0.25"]
