"""Bad values of flags: a description, the command, its arguments, and a pattern of the answer.

`{given}` stands for the folder of models and files that `tests/command_line/test_bad_inputs.py`
writes.
"""

TEACHER = "--teacher={given}/teacher.keras"
VALUES = [
    ("a word instead of a number", "train", ["--batch_size=many"], "--batch_size=many"),
    ("a number below the minimum", "train", ["--batch_size=1"], "--batch_size=1"),
    ("zero epochs", "train", ["--epochs=0"], "--epochs=0"),
    ("a negative memory size", "train", ["--memory_size=-1"], "--memory_size=-1"),
    ("a word as memory size", "train", ["--memory_size=x"], "--memory_size=x"),
    ("a share of zero", "train", ["--memory_share=0"], "--memory_share=0"),
    ("a share above one", "train", ["--memory_share=1.01"], "--memory_share=1.01"),
    ("a share of NaN", "train", ["--memory_share=nan"], "--memory_share to be a finite number"),
    ("a learning rate of NaN", "train", ["--learning_rate=nan"], "--learning_rate to be a finite"),
    (
        "an infinite learning rate",
        "train",
        ["--generator_learning_rate=inf"],
        "--generator_learning_rate to be a finite",
    ),
    ("a seed above the maximum", "train", ["--seed=99999999999"], "--seed=99999999999"),
    ("an unknown choice", "train", ["--discrepancy=mean"], "--discrepancy=mean.*mae"),
    ("a word instead of true or false", "train", ["--jit_compile=perhaps"], "--jit_compile"),
    ("a latent size of zero", "train", ["--latent_size=0"], "--latent_size=0"),
    ("zero seeds", "compare", ["--dataset=digits", "--seeds=0"], "--seeds to be at least 1"),
    ("zero steps between backups", "train", ["--backup_every=0"], "--backup_every to be.*'0'$"),
    ("an unknown unit of time", "train", ["--backup_every=5x"], "--backup_every to be.*30s.*'5x'"),
    ("zero seconds between backups", "train", ["--backup_every=0s"], "--backup_every to.*'0s'"),
    ("an unknown way to resume", "train", ["--resume=sometimes"], "--resume=.*auto.never.must"),
    ("an unknown answer to a collapse", "train", ["--on_collapse=no"], "--on_collapse=no.*restore"),
    ("zero restores", "train", ["--max_restores=0"], "--max_restores=0"),
    (
        "a tolerance of NaN",
        "to_tflite",
        ["--model=x.keras", "--tolerance=nan"],
        "--tolerance from 0 to 1",
    ),
]
COMMAND_LINE = [
    ("an unknown flag", "train", ["--lerning_rate=1"], "'lerning_rate'.*learning_rate"),
    ("an unknown flag of another command", "evaluate", ["--modle=x"], "'modle'.*model"),
    ("words", "train", ["words", "more"], "Expected flags only. Received: 'words more'"),
    ("words to evaluate", "evaluate", ["model.keras"], "Expected flags only"),
    ("an absent flag file", "train", ["--flagfile=absent.flags"], "--flagfile.*absent.flags"),
    ("a folder as flag file", "train", ["--flagfile={given}"], "--flagfile.*{given}"),
    ("a flag file of text", "train", ["--flagfile={given}/text.keras"], "Expected flags only"),
]
LISTS = [
    ("two of three numbers", "train", ["--image_shape=32,32"], "--image_shape to be 3 whole"),
    ("a word in a list", "train", ["--image_shape=32,32,x"], "--image_shape to be 3 whole"),
    ("a mean alone", "train", ["--input_mean=1"], "--input_mean and --input_std together"),
    (
        "a standard deviation of zero",
        "train",
        ["--input_mean=1", "--input_std=0"],
        "--input_std above 0",
    ),
    (
        "a mean without a range",
        "train",
        ["--input_mean=1", "--input_std=1"],
        "--input_range with",
    ),
    (
        "a range without a mean",
        "train",
        ["--input_range=standardized"],
        "--input_mean and --input_std with",
    ),
    (
        "a mean of NaN",
        "train",
        ["--input_mean=nan", "--input_std=1", "--input_range=pixels"],
        "--input_mean to be numbers",
    ),
    (
        "means for another number of channels",
        "train",
        [TEACHER, "--input_mean=1,2", "--input_std=1,2", "--input_range=pixels"],
        "--input_mean and --input_std with 1 or 1 values",
    ),
    ("a word as epoch", "train", ["--schedule=step", "--decay_epochs=a"], "--decay_epochs to be"),
    ("an unknown export format", "train", ["--export=int9"], "--export.*Did you mean 'int8'"),
    ("none and a format", "train", ["--export=none,int8"], "--export to be"),
    (
        "an unknown format",
        "to_tflite",
        ["--model=x.keras", "--formats=int9"],
        "--formats.*Did you mean 'int8'",
    ),
]
NAMES = [
    ("a method", "train", ["--method=proposd"], "--method.*Did you mean 'proposed'"),
    ("a student", "train", ["--student=lenet6"], "--student.*Did you mean 'lenet5'"),
    ("a network of the teacher", "train", ["--teacher_model=resnet"], "--teacher_model.*'resnet'"),
    ("a generator", "train", ["--generator=gan"], "--generator: Unknown generator.*'gan'"),
    ("a data set", "train", ["--dataset=minst"], "--dataset.*Did you mean 'mnist'"),
    (
        "a data set beside an absent teacher",
        "train",
        ["--teacher=no.keras", "--dataset=minst"],
        "--dataset.*Did you mean 'mnist'",
    ),
    ("a dtype policy", "train", ["--precision=bfloat16"], "--precision.*Received: 'bfloat16'"),
    (
        "a layer of features",
        "train",
        ["--teacher_features=nothing"],
        "--teacher_features to name.*'nothing'",
    ),
    (
        "a layer of the teacher",
        "train",
        [TEACHER, "--student=compact_4", "--method=zskt", "--teacher_layers=nothing"],
        "--teacher_layers to name.*'nothing'",
    ),
    (
        "a layer of the student",
        "train",
        ["--dataset=digits", "--method=at", "--student_layers=nothing"],
        "--student_layers to name.*'nothing'",
    ),
    (
        "a method to compare",
        "compare",
        ["--dataset=digits", "--workdir=new", "--methods=kd,proposd"],
        "--methods.*Did you mean 'proposed'",
    ),
    (
        "a data set to evaluate on",
        "evaluate",
        ["--model=x", "--dataset=digit"],
        "--dataset.*Did you mean 'digits'",
    ),
    (
        "a method to time",
        "benchmark",
        ["--method=proposd"],
        "--method.*Did you mean 'proposed'",
    ),
]
COMBINATIONS = [
    (
        "a weight decay that the optimizer does not have",
        "train",
        ["--weight_decay=0.1", "--optimizer=adam"],
        "--weight_decay with the optimizer sgd",
    ),
    (
        "steps per execution that do not divide an epoch",
        "train",
        ["--steps_per_execution=4"],
        "--steps_per_execution to divide",
    ),
    (
        "a method with data without a data set",
        "train",
        [TEACHER, "--method=kd"],
        "--dataset with --method=kd",
    ),
    ("a memory for a method with data", "train", ["--method=kd+memory"], "--method.*'kd.memory'"),
    (
        "no data set to compare on",
        "compare",
        [TEACHER, "--workdir=new"],
        "Expected --dataset",
    ),
    ("a seed to compare", "compare", ["--dataset=digits", "--seed=3"], "Expected no --seed, which"),
    ("a method twice", "compare", ["--dataset=digits", "--methods=kd,kd"], "--methods.*kd twice"),
    ("a method with data to time", "benchmark", ["--method=kd"], "--method to be.*without data"),
    (
        "a pixel range for a .tflite file",
        "evaluate",
        ["--model=x.tflite", "--dataset=digits", "--input_range=pixels"],
        "Expected no --input_range",
    ),
    (
        "a calibration without int8",
        "to_tflite",
        ["--model=x.keras", "--calibration=noise"],
        "Expected int8 in --formats",
    ),
]
GROUPS = {
    "values": VALUES,
    "command line": COMMAND_LINE,
    "lists": LISTS,
    "unknown names": NAMES,
    "combinations": COMBINATIONS,
}
