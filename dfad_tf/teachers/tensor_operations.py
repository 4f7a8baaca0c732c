"""Which of TensorFlow's operations touch nothing but tensors."""

from __future__ import annotations

import re

from tensorflow.python.framework import op_def_registry

# Operations that TensorFlow calls stateless, but that reach outside: files that an attribute or
# a tensor names, debuggers, Python, other machines, or an end of the whole process.
_REACHING_OUT = re.compile(
    "PyFunc|Debug|ReadFile|MatchingFiles|Reader|TextFile|GenerateVocabRemapping|ImmutableConst|"
    "DecodeProto|EncodeProto|Dataset|Iterator|Queue|Barrier|BatchFunction|TPU|Infeed|Outfeed|"
    "Prelinearize|SparseCore|XlaSparse|Remote|Sdca|^Abort$|^Copy(Host)?$|^Batch$|^Unbatch$"
)
# State that lies within the process: variables, tables, random numbers, lists of tensors. All
# other operations with state are refused, those that a later TensorFlow adds among them.
_STATE_WITHIN = re.compile(
    "Assert|AssignVariableOp|Assign(Add|Sub)VariableOp|Case|CheckNumerics(V2)?|CudnnRNN.*|"
    "DeepCopy|DestroyResourceOp|DeviceIndex|DisableCopyOnRead|Empty|GuaranteeConst|If|"
    "(Anonymous|)(Mutable|)(Dense|)HashTable(OfTensors)?(V2)?|InitializeTableV2|"
    "LookupTable(Export|Find|Import|Insert|Remove|Size)V2|Multinomial|NonDeterministicInts|"
    "ParameterizedTruncatedNormal|Random(Crop|Gamma|Poisson|PoissonV2|Shuffle|StandardNormal|"
    "Uniform|UniformInt)|ReadVariableOp|Resource(Apply|Gather|Scatter|SparseApply).*|"
    "ResourceCountUpTo|ResourceStridedSliceAssign|Rng(ReadAndSkip|Skip)|"
    "SampleDistortedBoundingBox(V2)?|Stack(Close|Pop|Push)?(V2)?|StatefulPartitionedCall|"
    "Stateful(RandomBinomial|StandardNormal|TruncatedNormal|Uniform).*|StatelessRandomGetAlg|"
    "TemporaryVariable|TensorArray.*|TruncatedNormal|VarHandleOp|VarIsInitializedOp|Variable|"
    "VariableShape|VariableV2|While"
)


def touches_tensors_alone(name: str) -> bool:
    """Whether an operation neither runs Python nor reaches files, the network or devices.

    Args:
        name: The operation's type. One that TensorFlow does not know may do anything.
    """
    definition = op_def_registry.get(name)
    if definition is None:
        return False
    if definition.is_stateful:
        return bool(_STATE_WITHIN.fullmatch(name))
    return not _REACHING_OUT.search(name)
