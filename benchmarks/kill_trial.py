"""Kill runs at random times and check that they resume: `python -m benchmarks.kill_trial`.

Every run is started by the same command line, killed once by SIGKILL, and started again by the
same command line. Its student must then equal that of an uninterrupted run to the last bit. Every
third kill waits for a backup that is being written. Thirty runs take many minutes, which is why
this is not a test.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

RECIPE = ["--dataset=mnist", "--epochs=3", "--steps_per_epoch=20", "--backup_every=1"]
ALWAYS = ["--export=none", "--verbose=0", "--precision=float32"]


@dataclass
class Trial:
    """The runs of a trial.

    Attributes:
        recipe: Flags of every run.
        log: File for the output of all runs.
    """

    recipe: Sequence[str]
    log: IO[str]

    def start(self, folder: pathlib.Path) -> subprocess.Popen[bytes]:
        """Start a run, or resume the one in the folder."""
        command = [sys.executable, "-m", "dfad_tf.train", *self.recipe, *ALWAYS]
        return subprocess.Popen(
            [*command, f"--workdir={folder}"], stdout=self.log, stderr=subprocess.STDOUT
        )

    def finish(self, folder: pathlib.Path) -> None:
        """Start or resume a run and wait until it has ended.

        Raises:
            SystemExit: If the run fails.
        """
        status = self.start(folder).wait()
        if status:
            raise SystemExit(f"{folder}: status {status}; see {self.log.name}")

    def kill(self, folder: pathlib.Path, delay: float, in_write: bool) -> bool | None:
        """Start a run and kill it.

        Args:
            folder: Folder of the run.
            delay: Seconds from its first backup to the kill.
            in_write: Whether the kill then waits for a backup that is being written.

        Returns:
            Whether the kill interrupted the writing of a backup; None if the run ended earlier.
        """
        process, backup = self.start(folder), folder / "backup"
        while not (backup / "state.npz").exists() and process.poll() is None:
            time.sleep(0.002)
        until = time.monotonic() + delay
        while process.poll() is None:
            writing = any(backup.glob(".unfinished-*"))
            if time.monotonic() >= until and (writing or not in_write):
                break
            time.sleep(0.0005)
        if process.poll() is not None:
            return None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return any(backup.glob(".unfinished-*"))


def weights(folder: pathlib.Path) -> bytes:
    """Return the student's weights as its file holds them."""
    with zipfile.ZipFile(folder / "student.keras") as archive:
        return archive.read("model.weights.h5")


def run_trial(
    trial: Trial, place: pathlib.Path, kills: int, draw: random.Random, longest: float
) -> bool:
    """Kill and resume runs, and print a line about each.

    Args:
        trial: The runs.
        place: Folder for them.
        kills: Number of kills.
        draw: Generator of the delays.
        longest: Maximum delay of a kill after the first backup, in seconds.

    Returns:
        Whether every student equals that of the uninterrupted run.
    """
    trial.finish(place / "uninterrupted")
    expected = weights(place / "uninterrupted")
    done = in_writes = identical = 0
    folder = place / "killed"
    while done < kills:
        delay = draw.uniform(0, longest)
        in_write = trial.kill(folder, delay, in_write=done % 3 == 0)
        if in_write is None:  # the run ended before the kill
            shutil.rmtree(folder)
            continue
        trial.finish(folder)
        same = weights(folder) == expected
        done, in_writes, identical = done + 1, in_writes + in_write, identical + same
        print(
            f"{done:>3} of {kills}: killed {delay:.2f} s after the first backup"
            f"{', during a write' if in_write else ''}; "
            f"{'identical student' if same else 'DIFFERENT STUDENT'}",
            flush=True,
        )
        shutil.rmtree(folder)
    print(f"{done} kills, {in_writes} during a write; {identical} of {done} students identical")
    return identical == done


def main() -> None:
    """Run a trial; the exit status is 1 if a student differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=30, help="number of kills (default: 30)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=8.0,
        help="approximate training time of a run, within which it is killed (default: 8)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the delays (default: 0)")
    parser.add_argument(
        "recipe",
        nargs="*",
        default=RECIPE,
        help=f"flags of the runs, after -- (default: {' '.join(RECIPE)})",
    )
    given = parser.parse_args()
    place = pathlib.Path(tempfile.mkdtemp(prefix="kill_trial_"))
    with open(place / "log.txt", "w", encoding="utf-8") as log:
        trial = Trial(given.recipe, log)
        same = run_trial(trial, place, given.kills, random.Random(given.seed), given.seconds)
    if not same:
        sys.exit(1)
    shutil.rmtree(place)


if __name__ == "__main__":
    main()
