"""Bad teachers and students: a description, the command, its arguments, and a pattern.

As in `bad_flags`, `{given}` stands for the folder of models and files.
"""

from tests.helpers.bad_flags import TEACHER

WITH_DATA = ("--dataset=digits", "--method=kd")
TEN_CLASSES = "--teacher={given}/ten.keras"
TEACHERS = [
    ("weights of NaN", "train", ["--teacher={given}/nan.keras"], "--teacher: .*NaN"),
    (
        "an image as output",
        "train",
        ["--teacher={given}/map.keras"],
        r"--teacher: .*\(batch, classes\)",
    ),
    ("no class", "train", ["--teacher={given}/no_class.keras"], "--teacher: .*least 2 classes"),
    (
        "vectors as input",
        "train",
        ["--teacher={given}/vector.keras"],
        "--teacher: .*height, width, channels",
    ),
    ("small images", "train", ["--teacher={given}/small.keras"], r"--teacher: .*\(7, 8, 1\)"),
    (
        "five channels",
        "train",
        ["--teacher={given}/five_channels.keras"],
        r"--teacher: .*\(8, 8, 5\)",
    ),
    (
        "two outputs",
        "train",
        ["--teacher={given}/two_outputs.keras"],
        "--teacher to contain.*one output.*1 and 2",
    ),
    (
        "two inputs",
        "train",
        ["--teacher={given}/two_inputs.keras"],
        "--teacher to contain.*one input.*2 and 1",
    ),
    ("a sigmoid", "train", ["--teacher={given}/sigmoid.keras"], "--teacher: .*softmax"),
    (
        "an unknown layer",
        "train",
        ["--teacher={given}/unknown_layer.keras"],
        "--teacher: .*Unregistered",
    ),
    ("code", "train", ["--teacher={given}/lambda.keras"], "'twice'.*--trust_teacher"),
    (
        "a SavedModel that writes a file",
        "train",
        ["--teacher={given}/writing"],
        "WriteFile.*--trust_teacher",
    ),
    (
        "a SavedModel of bytes",
        "train",
        ["--teacher={given}/of_bytes"],
        "--teacher: .*float32 images.*uint8",
    ),
    (
        "images of any size",
        "train",
        ["--teacher={given}/open_size.keras"],
        "--image_shape .height, width, channels",
    ),
    (
        "another size",
        "train",
        [TEACHER, "--image_shape=9,9,1"],
        "--image_shape to equal the input shape",
    ),
    (
        "another number of classes than the data set",
        "train",
        [TEACHER, "--dataset=digits"],
        "--dataset with the model's 3 classes.*digits with 10",
    ),
    (
        "code, to evaluate",
        "evaluate",
        ["--model={given}/lambda.keras", "--dataset=digits"],
        "'twice'.*--trust_teacher",
    ),
    (
        "code, to export",
        "to_tflite",
        ["--model={given}/lambda.keras"],
        "'twice'.*--trust_teacher",
    ),
    (
        "another number of classes than the data set, to evaluate",
        "evaluate",
        ["--model={given}/teacher.keras", "--dataset=digits"],
        "--dataset with the model's 3 classes.*digits with 10",
    ),
    (
        "a sigmoid, to export",
        "to_saved_model",
        ["--model={given}/sigmoid.keras"],
        "--model: .*soft",
    ),
]
NETWORKS = [
    (
        "a student of images of another size",
        "train",
        [TEACHER, "--student={given}/wide.keras"],
        "--student to have the teacher's input shape",
    ),
    (
        "a student of other classes",
        "train",
        [TEACHER, "--student={given}/four_classes.keras"],
        "--student to have the teacher's output shape",
    ),
    (
        "a student with a softmax",
        "train",
        [TEACHER, "--student={given}/softmax.keras"],
        "--student to return logits.*ends in a softmax",
    ),
    (
        "a student with two outputs",
        "train",
        [TEACHER, "--student={given}/two_outputs.keras"],
        "--student to contain.*one output",
    ),
    (
        "code in a student",
        "train",
        [TEACHER, "--student={given}/lambda.keras"],
        "'twice'.*--trust_teacher",
    ),
    (
        "a student of larger images",
        "train",
        ["--student=lenet5", "--image_shape=16,16,1"],
        "--student: .*32×32",
    ),
    (
        "a student of larger images than the teacher's",
        "train",
        [TEACHER, "--student=lenet5"],
        "--student: .*32×32 for lenet5",
    ),
    (
        "a generator that the image size does not suit",
        "train",
        ["--generator=dfad", "--image_shape=34,34,1"],
        "--image_shape with sides divisible by 4",
    ),
    (
        "an unknown generator beside a teacher",
        "train",
        [TEACHER, "--generator=dcgan"],
        "--generator: Unknown generator.*'dcgan'",
    ),
    (
        "a student of other classes, with data",
        "train",
        [TEN_CLASSES, *WITH_DATA, "--student={given}/teacher.keras"],
        "--student to have the teacher's output shape",
    ),
    (
        "a student of images of another size, with data",
        "train",
        [TEN_CLASSES, *WITH_DATA, "--student={given}/wide.keras"],
        "--student to have the teacher's input shape",
    ),
]
GROUPS = {"teachers": TEACHERS, "networks": NETWORKS}
