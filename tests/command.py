"""Run commands inside the tests' process, as their command line would."""

from absl import flags

from dfad_tf import command_line, train

FLAGS = flags.FLAGS


def parse(*arguments, recipe=True):
    """Parse a command line, with the recipe that `dfad_tf.train` would add, and nothing else."""
    for name in FLAGS:
        if name != "flagfile":
            FLAGS[name].unparse()
    FLAGS.unparse_flags()
    # An export takes seconds; the tests that want one say so.
    export = ["--export=none"] if recipe else []
    given = ["command", *export, *map(str, arguments)]
    FLAGS(command_line.with_recipe(given) if recipe else given)
    return FLAGS


def run(*arguments, main=train.main):
    """Run a command; an `InputError` passes through."""
    parse(*arguments, recipe=main is train.main)
    main([])
