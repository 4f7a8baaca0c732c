"""Kill runs at random moments and see them go on: `python -m benchmarks.kill_trial --kills=30`.

Every run is started by the same command line, killed once by SIGKILL, and started again by the
same command; its student must then be the straight run's to the last bit. Every third kill waits
for a backup that is being written. Not a test that is collected: thirty runs take many minutes.
"""

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

RECIPE = ["--dataset=mnist", "--epochs=3", "--steps_per_epoch=20", "--backup_every=1"]
ALWAYS = ["--export=none", "--verbose=0", "--precision=float32"]


def weights(folder):
    """The student's weights as their file holds them."""
    with zipfile.ZipFile(folder / "student.keras") as archive:
        return archive.read("model.weights.h5")


def start(folder, recipe, log):
    command = [sys.executable, "-m", "dfad_tf.train", *recipe, *ALWAYS, f"--workdir={folder}"]
    return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def run_to_the_end(folder, recipe, log):
    status = start(folder, recipe, log).wait()
    if status:
        raise SystemExit(f"{folder}: status {status}")


def kill_once(folder, recipe, log, moment, in_write):
    """Kill a run `moment` of its length behind its first backup, or in the write that follows.

    Returns:
        Whether it died with a write under way; None where it had come to its end before.
    """
    process = start(folder, recipe, log)
    backup = folder / "backup"
    while not (backup / "state.npz").exists() and process.poll() is None:
        time.sleep(0.002)
    until = time.monotonic() + moment
    writing = False
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=8.0, help="about what a run trains for")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("recipe", nargs="*", default=RECIPE)
    given = parser.parse_args()
    draw = random.Random(given.seed)
    place = pathlib.Path(tempfile.mkdtemp(prefix="kill_trial_"))
    with open(place / "log.txt", "w", encoding="utf-8") as log:
        run_to_the_end(place / "straight", given.recipe, log)
        expected = weights(place / "straight")
        done = in_writes = same = 0
        while done < given.kills:
            folder = place / "cut"
            moment = draw.uniform(0, given.seconds)
            in_write = kill_once(folder, given.recipe, log, moment, done % 3 == 0)
            if in_write is None:  # it was faster than the kill
                shutil.rmtree(folder)
                continue
            run_to_the_end(folder, given.recipe, log)
            done, in_writes = done + 1, in_writes + in_write
            identical = weights(folder) == expected
            same += identical
            print(
                f"{done:>3} of {given.kills}: killed {moment:.2f} s behind the first backup"
                f"{', in a write' if in_write else ''}; "
                f"{'the same student' if identical else 'ANOTHER STUDENT'}",
                flush=True,
            )
            shutil.rmtree(folder)
    print(f"{done} kills, {in_writes} in a write; {same} of {done} students bit-identical")
    shutil.rmtree(place)
    sys.exit(same != done)


if __name__ == "__main__":
    main()
