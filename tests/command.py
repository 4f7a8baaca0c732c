"""Run commands inside the tests' process, as their command line would."""

from absl import flags

from dfad_tf import command_line, train

FLAGS = flags.FLAGS


def parse(*arguments):
    """Parse a command line of `dfad_tf.train`, and nothing else."""
    for name in FLAGS:
        if name != "flagfile":
            FLAGS[name].unparse()
    FLAGS.unparse_flags()
    FLAGS(command_line.with_recipe(["train", *map(str, arguments)]))
    return FLAGS


def run(*arguments, main=train.main):
    """Run a command; an `InputError` passes through."""
    parse(*arguments)
    main([])
