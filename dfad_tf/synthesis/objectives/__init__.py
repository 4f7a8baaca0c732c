"""Terms of the generator's objective, one class per file."""

from dfad_tf.synthesis.objectives.adversarial_discrepancy import AdversarialDiscrepancy
from dfad_tf.synthesis.objectives.batch_norm_statistics import BatchNormStatistics
from dfad_tf.synthesis.objectives.contrastive_diversity import ContrastiveDiversity
from dfad_tf.synthesis.objectives.generator_objective import ForwardPass, GeneratorObjective
from dfad_tf.synthesis.objectives.information_entropy import InformationEntropy
from dfad_tf.synthesis.objectives.logits_activation import LogitsActivation
from dfad_tf.synthesis.objectives.representation_activation import RepresentationActivation
from dfad_tf.synthesis.objectives.target_labels import TargetLabels
from dfad_tf.synthesis.objectives.total_variation import TotalVariation

__all__ = [
    "AdversarialDiscrepancy",
    "BatchNormStatistics",
    "ContrastiveDiversity",
    "ForwardPass",
    "GeneratorObjective",
    "InformationEntropy",
    "LogitsActivation",
    "RepresentationActivation",
    "TargetLabels",
    "TotalVariation",
]
