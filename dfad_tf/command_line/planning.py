"""Print the plan of a run, and ask before one that takes days."""

from __future__ import annotations

from absl import flags

from dfad_tf.command_line import (
    method_builder,
    network_builder,
    recipes,
    run_builder,
    teacher_builder,
)
from dfad_tf.command_line.training_flags import policy_name
from dfad_tf.compute.precision import resolve_precision
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.runs import estimates
from dfad_tf.runs.plan import START, Plan
from dfad_tf.teachers.training import TeacherRecipe
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.formatting import format_seconds

FLAGS = flags.FLAGS
_HOUR, _DAY = 3600.0, 86400.0
_TEACHER = "teacher training"
# What follows the distillation, as a share of the start-up: measured at 8×8 and 224×224.
_EXPORT_SHARE, _MEASURING_SHARE = 0.55, 0.2


def announce_teacher_training(dataset: ImageDataset, runs: int = 1) -> None:
    """Print what will happen, before a missing teacher is trained.

    Args:
        dataset: The data set that trains it.
        runs: Number of distillations that follow.

    Raises:
        InputError: If the teacher could not be saved, or if the command takes longer than a day on
            a CPU and `--yes` is not given.
    """
    teacher_builder.check_cache(dataset)
    teacher = teacher_builder.untrained_teacher_from_flags()
    networks = {
        "teacher": teacher.model,
        "student": network_builder.student_from_flags(teacher),
    }
    method = None
    if not method_builder.needs_data():
        networks["generator"] = network_builder.generator_from_flags(teacher)
        method = method_builder.method_from_flags()
    recipe, name = teacher_builder.recipe_from_flags(), method_builder.method_name()
    inherits = method is not None and FLAGS.student_initialization == "teacher"
    plan = Plan(
        title=f"train a teacher, then distill a student with the method '{name}'",
        teacher=teacher,
        networks=networks,
        start="the teacher's filters or blocks if the networks pair, otherwise random weights"
        if inherits
        else "random weights",
        precision=resolve_precision(policy_name()) or "float32",
        work={_TEACHER: _training(recipe, dataset.name)},
        device=estimates.device(),
        disk=estimates.disk_bytes(networks, method.memory_size if method else 0),
    )
    per_image = {
        role: estimates.seconds_per_image(network, plan.precision)
        for role, network in networks.items()
    }
    count = dataset.train_count()
    plan.seconds[_TEACHER] = estimates.teacher_seconds(per_image["teacher"], recipe, count)
    if method:
        steps = FLAGS.epochs * FLAGS.steps_per_epoch
        seconds = estimates.distillation_seconds(per_image, method, FLAGS.batch_size, steps)
    else:
        seconds = estimates.supervised_seconds(per_image, FLAGS.teacher_epochs, count)
    plan.seconds["distillation" if runs == 1 else f"distillation in {runs} runs"] = runs * seconds
    announce(plan)


def whole(plan: Plan) -> Plan:
    """Add to a plan what follows the distillation: measuring, pictures and the export.

    Args:
        plan: A plan with the seconds of the start-up, which take as much of building, compiling
            and running networks. It is changed.

    Returns:
        The plan.
    """
    share = _EXPORT_SHARE if run_builder.export_formats() else _MEASURING_SHARE
    if START in plan.seconds:
        plan.seconds["measuring and export"] = share * plan.seconds[START]
    return plan


def announce(plan: Plan, resumes: bool = False) -> None:
    """Print a plan, and stop before a run of days on a CPU that was not asked for.

    Args:
        plan: The plan.
        resumes: Whether the run resumes, so that a part of the time is spent already.

    Raises:
        InputError: If the run takes longer than a day on a CPU, and `--yes` is not given.
    """
    print(plan.text(), flush=True)
    total, on_cpu = plan.total_seconds, not estimates.has_gpu()
    if total < _HOUR or resumes:
        return
    smaller = _smaller_recipe() if on_cpu else None
    if total > _DAY and on_cpu and not FLAGS.yes:
        teacher = plan.seconds.get(_TEACHER)
        of_which = ""
        if teacher:
            of_which = f", of which the teacher's training takes {format_seconds(teacher)}"
        options = ["add --yes to start it"]
        options += ["use an existing teacher (--teacher=FILE)"] if teacher else []
        options += [f"try --flagfile={smaller}"] if smaller else ["choose smaller networks"]
        raise InputError(
            f"This run takes about {format_seconds(total)} on this CPU{of_which}: "
            f"{', '.join(options[:-1])}, or {options[-1]}."
        )
    hint = f" --flagfile={smaller} is a smaller run that suits a CPU." if smaller else ""
    print(f"  This run takes more than an hour.{hint}\n", flush=True)


def _training(recipe: TeacherRecipe, dataset: str) -> str:
    return (
        f"{recipe.epochs} epochs on {dataset} with {recipe.optimizer} at {recipe.learning_rate:g}, "
        f"batches of {recipe.batch_size}, augmentation {recipe.augmentation}"
    )


def _smaller_recipe() -> str | None:
    """Return the recipe of the data set that suits a CPU, if there is one."""
    path = recipes.recipe_path(f"{FLAGS.dataset}_smoke")
    return path.name if path else None
