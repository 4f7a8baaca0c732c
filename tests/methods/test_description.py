"""One sentence says where the images come from, and what ties them to the teacher's data."""

from dfad_tf import methods
from dfad_tf.methods.description import describe_images, missing_ties
from dfad_tf.methods.settings import Settings


def test_sources_and_ties():
    plain = methods.get("proposed")
    assert describe_images(plain, 3) == "fresh generated images"
    settings = Settings(
        memory_size=64, procedural_share=0.5, batch_norm_weight=1.0, label_weight=1.0
    )
    tied = methods.get("proposed", settings)
    assert describe_images(tied, 21) == (
        "50 % stored generated images and 50 % procedural images, tied to the statistics of 21 "
        "batch normalizations of the teacher and classes that are drawn evenly"
    )
    assert "because no batch normalization of the teacher can be read" in describe_images(tied, 0)
    some = methods.get("dfad", Settings(memory_size=64, memory_share=0.25))
    assert describe_images(some, 0) == (
        "75 % fresh generated images and 25 % stored generated images"
    )


def test_the_ties_that_a_method_lacks_are_named():
    assert missing_ties(methods.get("proposed"), True) == [
        "`batch_norm_weight=3`", "`label_weight=1`", "`procedural_share=0.5`"
    ]  # fmt: skip
    assert "`batch_norm_weight=3`" not in missing_ties(methods.get("proposed"), False)
    tied = methods.get("proposed", Settings(batch_norm_weight=1.0, procedural_share=0.5))
    assert missing_ties(tied, True) == ["`label_weight=1`"]
