"""A process that loads one model after another: `python -m tests.helpers.loading_child`.

It reads one path per line and answers with one line of JSON, so that the process that started it
detects a crash or a hang of the interpreter.
"""

import json
import os
import pathlib
import resource
import select
import subprocess
import sys

_SECONDS = 90  # a file takes less than one second on a machine that is not busy


class LoadingChild:
    """Sends paths to the process, and starts another one after a crash or a hang.

    Args:
        log: File for all other output of the process.
    """

    def __init__(self, log):
        self._log = log
        self._process = None

    def outcome(self, path):
        """Load a file and return `outcome`, `words` and the `peak` of memory in MiB."""
        if self._process is None:
            self._start()
        print(path, file=self._process.stdin, flush=True)
        ready, _, _ = select.select([self._process.stdout], [], [], _SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        self.close()
        end = self._log.read_text(errors="replace")[-1000:]
        return {"outcome": "crashed" if ready else "hung", "words": end, "peak": 0}

    def _start(self):
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.helpers.loading_child"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def close(self):
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def answer(path):
    """Load one file; the outcome is "loaded", "refused" with an `InputError`, or "escaped"."""
    import keras

    from dfad_tf.teachers.description import contract_of, describe_teacher
    from dfad_tf.teachers.loading import load_teacher
    from dfad_tf.utils.errors import InputError

    try:
        teacher = load_teacher(path)
        # The pixels of a random network are not certain.
        describe_teacher(teacher, contract_of(teacher, decide=True))
    except InputError as error:
        return {"outcome": "refused", "words": str(error)}
    except BaseException as error:
        return {"outcome": "escaped", "words": f"{type(error).__name__}: {error}"}
    finally:
        keras.backend.clear_session()
    return {"outcome": "loaded", "words": ""}


def main():
    """Answer until standard input ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # all other output
    for line in sys.stdin:
        found = answer(line.rstrip("\n"))
        found["peak"] = peak_mebibytes()
        print(json.dumps(found), file=answers, flush=True)


def peak_mebibytes():
    """Peak memory of this process; `ru_maxrss` may be that of the process that forked it."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
