"""Terms of a student's loss on labelled images, one class per file."""

from dfad_tf.methods.supervised_objectives.attention_objective import AttentionObjective
from dfad_tf.methods.supervised_objectives.factor_objective import (
    FactorObjective,
    ReconstructionObjective,
)
from dfad_tf.methods.supervised_objectives.hint_objective import HintObjective
from dfad_tf.methods.supervised_objectives.label_objective import LabelObjective
from dfad_tf.methods.supervised_objectives.logits_objective import LogitsObjective
from dfad_tf.methods.supervised_objectives.supervised_objective import (
    Comparison,
    SupervisedObjective,
)

__all__ = [
    "AttentionObjective",
    "Comparison",
    "FactorObjective",
    "HintObjective",
    "LabelObjective",
    "LogitsObjective",
    "ReconstructionObjective",
    "SupervisedObjective",
]
