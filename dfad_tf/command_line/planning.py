"""Print the plan of a run, and ask before one that takes days."""

from __future__ import annotations

from absl import flags

from dfad_tf.command_line import method_builder, network_builder, recipes, teacher_builder
from dfad_tf.data.datasets import ImageDataset
from dfad_tf.runs import estimates
from dfad_tf.runs.plan import Plan
from dfad_tf.teachers.training import TeacherRecipe
from dfad_tf.utils.errors import InputError
from dfad_tf.utils.formatting import format_seconds

FLAGS = flags.FLAGS
_HOUR, _DAY = 3600.0, 86400.0
_TEACHER = "teacher time"


def announce_teacher_training(dataset: ImageDataset) -> None:
    """Print what will happen, before a missing teacher is trained.

    Args:
        dataset: The data set that trains it.

    Raises:
        InputError: If the teacher could not be saved, or if the run takes longer than a day on a
            CPU and `--yes` is not given.
    """
    teacher_builder.check_cache(dataset)
    teacher = teacher_builder.untrained_teacher_from_flags()
    networks = {
        "teacher": teacher.model,
        "student": network_builder.student_from_flags(teacher),
    }
    recipe = teacher_builder.recipe_from_flags()
    count = dataset.train_count()
    name = method_builder.method_name()
    plan = Plan(
        title=f"train a teacher, then distill a student with the method '{name}'",
        teacher=teacher,
        networks=networks,
        start="the teacher's filters where the layers pair, else random weights"
        if FLAGS.student_initialization == "teacher" and not method_builder.needs_data()
        else "random weights",
        precision=FLAGS.precision or "auto",
        work={"teacher training": _training(recipe, dataset.name)},
        device=estimates.device_name(),
    )
    per_image = {"teacher": estimates.seconds_per_image(teacher.model)}
    plan.seconds[_TEACHER] = estimates.teacher_seconds(per_image["teacher"], recipe, count)
    if not method_builder.needs_data():
        networks["generator"] = network_builder.generator_from_flags(teacher)
        method = method_builder.method_from_flags()
        for role in ("student", "generator"):
            per_image[role] = estimates.seconds_per_image(networks[role])
        steps = FLAGS.epochs * FLAGS.steps_per_epoch
        plan.seconds["distillation"] = estimates.distillation_seconds(
            per_image, method, FLAGS.batch_size, steps
        )
        plan.disk = estimates.disk_bytes(networks, method.memory_size)
    announce(plan)


def announce(plan: Plan) -> None:
    """Print a plan, and stop before a run of days on a CPU that was not asked for.

    Args:
        plan: The plan.

    Raises:
        InputError: If the run takes longer than a day on a CPU, and `--yes` is not given.
    """
    print(plan.text(), flush=True)
    total = plan.total_seconds
    if total < _HOUR:
        return
    hint = _faster_recipe()
    if total > _DAY and not estimates.has_gpu() and not FLAGS.yes:
        teacher = (
            f", of which the teacher's training takes {format_seconds(plan.seconds[_TEACHER])} "
            "(--teacher=FILE uses one that exists)"
            if _TEACHER in plan.seconds
            else ""
        )
        raise InputError(
            f"This run takes about {format_seconds(total)} on this CPU{teacher}. "
            f"Expected --yes to start it anyway, or a smaller run{hint}. Received neither."
        )
    print(f"  This run takes more than an hour{hint}.\n", flush=True)


def _training(recipe: TeacherRecipe, dataset: str) -> str:
    return (
        f"{recipe.epochs} epochs on {dataset} by {recipe.optimizer} at {recipe.learning_rate:g}, "
        f"batches of {recipe.batch_size}, augmentation {recipe.augmentation}"
    )


def _faster_recipe() -> str:
    name = f"{FLAGS.dataset}_smoke"
    if recipes.recipe_path(name) is None:
        return ", such as one with fewer --epochs or a smaller --student and --generator"
    return f", such as --flagfile={name}.flags, which fits a CPU"
