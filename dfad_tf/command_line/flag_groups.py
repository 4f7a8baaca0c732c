"""The groups in which `--help` shows the flags of a command."""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

# In the order of the help text, with the modules that define the flags of each group.
GROUPS = {
    "Data": ("data_flags",),
    "Teacher": ("teacher_flags",),
    "Model": ("model_flags",),
    "Student": ("student_flags",),
    "Method": ("method_flags",),
    "Training": ("training_flags",),
    "Trust": ("trust_flags",),
    "Comparison": ("compare_flags",),
    "Output": ("run_flags", "output_flags", "json_flag"),
}
TRAINING = ("data_flags", "teacher_flags", "student_flags", "method_flags", "training_flags")
RUN = (*TRAINING, "trust_flags", "run_flags")


def defined_in(modules: Sequence[str]) -> list[flags.Flag]:
    """Return the flags that some modules of this package define.

    Args:
        modules: Module names without the package.
    """
    by_module = flags.FLAGS.flags_by_module_dict()
    return [flag for name in modules for flag in by_module.get(f"{__package__}.{name}", [])]
