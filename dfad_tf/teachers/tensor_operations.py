"""The TensorFlow operations that only compute on tensors."""

from __future__ import annotations

import re

from tensorflow.python.framework import op_def_registry

# Operations that TensorFlow registers as stateless although they access files named by an attribute
# or a tensor, debuggers, Python or other machines, or end the process.
_EXTERNAL_ACCESS = re.compile(
    "PyFunc|Debug|ReadFile|MatchingFiles|Reader|TextFile|GenerateVocabRemapping|ImmutableConst|"
    "DecodeProto|EncodeProto|Dataset|Iterator|Queue|Barrier|BatchFunction|TPU|Infeed|Outfeed|"
    "Prelinearize|SparseCore|XlaSparse|Remote|Sdca|^Abort$|^Copy(Host)?$|^Batch$|^Unbatch$"
)
# Operations whose state is inside the process: variables, tables, random numbers, lists of tensors.
# All other operations with state are rejected, including those that a later TensorFlow adds.
_INTERNAL_STATE = re.compile(
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


def only_computes_on_tensors(name: str) -> bool:
    """Return whether an operation neither runs Python nor accesses files, the network or devices.

    Args:
        name: The type of the operation. An unknown type counts as unsafe.

    Example:

    >>> only_computes_on_tensors("Conv2D"), only_computes_on_tensors("WriteFile")
    (True, False)
    """
    definition = op_def_registry.get(name)
    if definition is None:
        return False
    if definition.is_stateful:
        return bool(_INTERNAL_STATE.fullmatch(name))
    return not _EXTERNAL_ACCESS.search(name)
