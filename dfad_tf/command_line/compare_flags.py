"""The flags of a comparison, which `dfad-compare` and `dfad-figures` share."""

from __future__ import annotations

from absl import flags

# Flags of a run that the comparison sets for each of its runs, and which its user may not give.
SET_BY_COMPARISON = (
    "method", "seed", "export", "plots", "trust", "on_distrust", "probe_images", "data_share",
)  # fmt: skip

flags.DEFINE_list(
    "methods", None, "Methods to compare, comma-separated, as in --method. Default: all methods."
)
flags.DEFINE_integer("seeds", 3, "Number of seeds per method: 0, 1, ….")
flags.DEFINE_integer(
    "jobs",
    1,
    "Maximum number of simultaneous runs, which divide the processors among them. More than one "
    "pays off for small networks on CPUs.",
    lower_bound=1,
)
