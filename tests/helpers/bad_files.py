"""Bad files and folders: a description, the command, its arguments, and a pattern.

As in `bad_flags`, `{given}` stands for the folder of models and files.
"""

from tests.helpers.bad_flags import TEACHER

FILES = [
    ("an absent teacher", "train", ["--teacher=absent.keras"], "--teacher to be.*absent"),
    ("an empty name", "evaluate", ["--model=", "--dataset=digits"], "--model to have a value"),
    ("a folder", "train", ["--teacher={given}"], "--teacher to be.*saved_model.pb"),
    ("a link to itself", "train", ["--teacher={given}/loop.keras"], "--teacher to be.*absent"),
    ("a name that is too long", "train", [f"--teacher={'x' * 400}.keras"], "--teacher: .*too long"),
    ("no permission", "train", ["--teacher={given}/locked.keras"], "--teacher: .*locked"),
    ("another ending", "train", ["--teacher={given}/teacher.pt"], "--teacher to be.*.keras or .h5"),
    ("an empty teacher", "train", ["--teacher={given}/empty.keras"], "--teacher: .*not be read"),
    ("an empty .h5 teacher", "train", ["--teacher={given}/empty.h5"], "--teacher: .*not be read"),
    ("a text", "train", ["--teacher={given}/text.keras"], "--teacher: .*not be read"),
    (
        "a truncated teacher",
        "train",
        ["--teacher={given}/truncated.keras"],
        "--teacher: .*could not be read",
    ),
    (
        "an archive without a model",
        "train",
        ["--teacher={given}/other_zip.keras"],
        "--teacher: .*no config.json",
    ),
    (
        "weights without layers",
        "train",
        ["--teacher={given}/weights_only.weights.h5"],
        "--teacher: .*weights alone",
    ),
    (
        "an empty SavedModel",
        "train",
        ["--teacher={given}/empty_saved"],
        "--teacher: .*SavedModel",
    ),
    ("an absent student", "train", [TEACHER, "--student=absent.keras"], "--student to .*absent"),
    (
        "a folder as student",
        "train",
        [TEACHER, "--student={given}/folder.keras"],
        "--student to name a file",
    ),
    ("an absent model", "to_tflite", ["--model=absent.keras"], "--model to be.*absent"),
    (
        "a folder as model",
        "to_saved_model",
        ["--model={given}"],
        "--model to be.*Received the folder",
    ),
    (
        "an absent .tflite file",
        "evaluate",
        ["--model=absent.tflite", "--dataset=digits"],
        "--model to be a .tflite file",
    ),
    (
        "a .tflite file of text",
        "evaluate",
        ["--model={given}/text.tflite", "--dataset=digits"],
        "--model: .*LiteRT cannot run",
    ),
    (
        "an absent file of labels",
        "to_tflite",
        ["--model={given}/teacher.keras", "--labels=absent.txt"],
        "--labels to be a text file",
    ),
    (
        "too few labels",
        "to_tflite",
        ["--model={given}/teacher.keras", "--labels={given}/labels.txt"],
        "--labels to have 3 lines.*Received: 1",
    ),
    (
        "no generator in the folder of the model",
        "to_tflite",
        ["--model={given}/teacher.keras", "--formats=int8"],
        "Expected generator.keras in the folder of --model",
    ),
    (
        "a generator of images of another size",
        "to_tflite",
        ["--model={given}/teacher.keras", "--formats=int8", "--calibration={given}/large.keras"],
        r"--calibration to map.*\(8, 8, 1\).*9, 9, 1",
    ),
]
FOLDERS = [
    (
        "no folder of probe images",
        "train",
        [TEACHER, "--probe_images=absent"],
        "--probe_images to be a folder with images",
    ),
    (
        "probe images without a report",
        "train",
        [TEACHER, "--probe_images={given}", "--trust=off"],
        "no --probe_images with --trust=off",
    ),
    (
        "distrust without a report",
        "train",
        ["--method=kd", "--on_distrust=stop"],
        "no --on_distrust with --method=kd",
    ),
    (
        "a second student with data",
        "train",
        ["--method=kd", "--trust=thorough"],
        "--trust=thorough with a method without data",
    ),
    (
        "a folder without probe images",
        "train",
        [TEACHER, "--probe_images={given}/closed"],
        "--probe_images to be a folder with images.*contains none",
    ),
    ("a file", "train", [TEACHER, "--workdir={given}/labels.txt"], "--workdir to be a new or"),
    ("a folder in use", "train", [TEACHER, "--workdir={given}"], "--workdir.*is not empty"),
    (
        "a folder in a file",
        "train",
        [TEACHER, "--workdir={given}/labels.txt/run"],
        "--workdir to be writable",
    ),
    (
        "no run to resume",
        "train",
        [TEACHER, "--resume=must"],
        "--workdir, with --resume=must. Received: runs/ without one",
    ),
    (
        "no run to resume in a named folder",
        "train",
        [TEACHER, "--resume=must", "--workdir={given}"],
        "--workdir, with --resume=must. Received: {given} without one",
    ),
    (
        "other flags than those of the interrupted run",
        "train",
        [TEACHER, "--workdir={given}/interrupted", "--epochs=4"],
        "flags of the interrupted run in .*--epochs=4 instead of 3;",
    ),
    (
        "a new run in the folder of an interrupted one",
        "train",
        [TEACHER, "--workdir={given}/interrupted", "--resume=never"],
        "--resume=never.*contains an interrupted run",
    ),
    (
        "a folder that cannot be written",
        "train",
        [TEACHER, "--workdir={given}/closed/run"],
        "--workdir to be writable",
    ),
    (
        "a file as folder of teachers",
        "train",
        ["--teacher_cache={given}/labels.txt"],
        "--teacher_cache to be writable",
    ),
    ("no folder for a comparison", "compare", ["--dataset=digits"], "Expected --workdir"),
    (
        "a comparison in a folder in use",
        "compare",
        ["--dataset=digits", "--workdir={given}"],
        "--workdir to be.*contains something else",
    ),
    (
        "a file to export into",
        "to_tflite",
        ["--model={given}/teacher.keras", "--output=x.tflite"],
        "--output to be a folder",
    ),
    (
        "a folder in use to export into",
        "to_saved_model",
        ["--model={given}/teacher.keras", "--output={given}"],
        "--output to be a new folder, or --overwrite",
    ),
    (
        "third-party files to overwrite",
        "to_tflite",
        ["--model={given}/teacher.keras", "--output={given}", "--overwrite"],
        "--output to contain an export and nothing else",
    ),
    (
        "a result in an absent folder",
        "evaluate",
        ["--model=x", "--dataset=digits", "--json=no/x.json"],
        "--json to be",
    ),
]
GROUPS = {
    "files": FILES,
    "folders": FOLDERS,
}
NOT_FOR_ROOT = ("files: no permission", "folders: a folder that cannot be written")
