"""SCM, the spatial consistent memory network (Zhang et al., DAVIS 2020 challenge), on STM's parts and names.

From the paper: ResNeSt-101 encoders (section 3.3), a pyramid of dilations 2, 4 and 8 behind the memory read, a prior
from the previous 0-1 mask that multiplies the embedding, a refinement of the map before soft aggregation (section 2).
There is no public code or checkpoint. What the paper leaves open is decided here:

- Planes of the mask and of the others enter behind the deep stem by 7x7 convolutions, as in STM's memory encoder; the
  nearest public network (haochenheheda/Training-Code-of-STM) does the same.
- Pyramid: 1024 to 256 channels in each branch, ReLU, joined by 1x1 to 256, ReLU: the decoder's own width. No branch of
  1x1 or pooling, as the paper counts three; no batch norm and no dropout, as STM has none behind the read.
- The prior acts at stride 16, where the embedding is. A cell of the mask is 1 where any of its pixels is above one
  half, so that an object thinner than a cell is not closed out. No gradient passes the 0-1 mask.
- The prior starts at 0.88 everywhere: at first nothing is filtered, and each weight gets its gradient.
- Without a previous mask the embedding is left alone (a prior of one): nothing is known that could exclude anything.
- The decoder is STM's, whose skips are residual blocks already; it takes the gated embedding alone.
- Refinement works on the two channels at full size, where they are aggregated: four halvings as in BASNet, 64 channels
  as there, down by strided convolutions since the paper says so, with sums for skips since they cost less than
  concatenation. Its last convolution starts at zero, so refined masks start as the coarse ones. It sees no image, since
  the paper names none.

Shapes: B images, M objects over all of them, H, W padded size (multiples of 16), h, w at stride 16, V value channels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from vostool.models.blocks.aspp import AtrousPyramid
from vostool.models.blocks.boundary_refinement import BoundaryRefinement
from vostool.models.blocks.resnest import RESNEST101_BLOCKS, STEM_CHANNELS, resnest_stage, resnest_stem
from vostool.models.blocks.spatial_constraint import SpatialConstraint
from vostool.models.network import QueryFeatures
from vostool.models.stm import DECODER_CHANNELS, VALUE_CHANNELS, Backbone, StmNetwork

# SCM, section 2.2.
DILATIONS = (2, 4, 8)


@dataclass(frozen=True)
class ScmConfig:
    """Sizes of the network.

    Attributes:
        num_blocks: Of each encoder's stages to strides 4, 8 and 16.
        embedding_channels: Of each branch of the pyramid, and of what the prior multiplies.
        refinement_channels: Width of the refinement.
    """

    num_blocks: tuple[int, int, int] = RESNEST101_BLOCKS[:3]
    embedding_channels: int = DECODER_CHANNELS
    refinement_channels: int = 64

    def to_dict(self) -> dict[str, object]:
        """Plain values, for the metadata of a checkpoint."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ScmConfig:
        """The way back; JSON knows no tuples."""
        num_blocks = tuple(values.get("num_blocks", cls.num_blocks))
        return cls(**{**values, "num_blocks": num_blocks})


def resnest_backbone(num_blocks: tuple[int, int, int]) -> Backbone:
    """ResNeSt to stride 16; the published layer1 to layer3 are res2 to res4."""
    res2, res3, res4 = (resnest_stage(number, count) for number, count in enumerate(num_blocks, start=1))
    bn1 = nn.BatchNorm2d(STEM_CHANNELS)
    return Backbone(resnest_stem(), bn1, res2, res3, res4, stem_channels=STEM_CHANNELS)


class ScmNetwork(StmNetwork):
    """STM with stronger encoders, a pyramid and a spatial constraint before the decoder, a refinement behind it."""

    def __init__(self, config: ScmConfig | None = None) -> None:
        config = config or ScmConfig()
        width = config.embedding_channels
        super().__init__(partial(resnest_backbone, config.num_blocks), decoder_in_channels=width)
        self.config = config
        self.pyramid = AtrousPyramid(2 * VALUE_CHANNELS, width, width, DILATIONS)
        self.constraint = SpatialConstraint(width)
        self.refinement = BoundaryRefinement(2, config.refinement_channels)

    def decode(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor | None, image_of_object: Tensor
    ) -> Tensor:
        """See ``Network.decode``; the refined logits."""
        return self.decode_stages(readout, features, previous, image_of_object)[1]

    def decode_stages(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor | None, image_of_object: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits (M, H, W) before and after refinement; each has a loss in training.

        Args:
            readout: (M, V, h, w).
            previous: (M, H, W) probabilities at the frame before, in training its true masks; what is above one half
                counts. None where there is none.
            image_of_object: (M,) row of the batch that each object lies in.
        """
        coarse = self.decode_channels(readout, features, previous, image_of_object)
        return _object_logits(coarse), _object_logits(self.refinement(coarse))

    def decoder_input(
        self, readout: Tensor, features: QueryFeatures, previous: Tensor | None, image_of_object: Tensor
    ) -> Tensor:
        """(M, D, h, w): what was read, beside the query's value, seen at three scales and gated by the prior."""
        return self.constraint(self.embed(readout, features, image_of_object), previous)

    def embed(self, readout: Tensor, features: QueryFeatures, image_of_object: Tensor) -> Tensor:
        """(M, D, h, w): the embedding that the prior multiplies."""
        return self.pyramid(super().decoder_input(readout, features, None, image_of_object))


def _object_logits(channels: Tensor) -> Tensor:
    """(M, 2, H, W) background and object to (M, H, W), whose sigmoid is the object's channel of the softmax."""
    background, objects = channels.unbind(1)
    return objects - background
