"""Terms of the generator's objective, one class per file."""

from dfad_tf.synthesis.objectives.adversarial_discrepancy import AdversarialDiscrepancy
from dfad_tf.synthesis.objectives.batch_norm_statistics import BatchNormStatistics
from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective
from dfad_tf.synthesis.objectives.information_entropy import InformationEntropy
from dfad_tf.synthesis.objectives.logits_activation import LogitsActivation
from dfad_tf.synthesis.objectives.representation_activation import RepresentationActivation
from dfad_tf.synthesis.objectives.target_labels import TargetLabels

__all__ = [
    "AdversarialDiscrepancy",
    "BatchNormStatistics",
    "ForwardPass",
    "GeneratorObjective",
    "InformationEntropy",
    "LogitsActivation",
    "RepresentationActivation",
    "TargetLabels",
]
