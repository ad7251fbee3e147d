"""The published checkpoints as data: what they are called, who hosts them, and under which terms.

Addresses and terms are those of the READMEs named in ``page``, as read in the repositories seoungwugoh/STM at 905f114,
hkchengrex/STCN at eb83102 and seoungwugoh/RGMP. Their authors publish no checksums, so there are none here.
"""

from __future__ import annotations

from dataclasses import dataclass

from vostool.errors import UsageError


@dataclass(frozen=True)
class KnownCheckpoint:
    """One published checkpoint.

    Attributes:
        name: As in ``vostool weights fetch NAME``.
        system: Name of the system that it is for.
        file: What its authors call it.
        page: Where they host it.
        url: Direct address; None where a page asks for consent first, or where it is not known.
        licence: The terms that its authors state.
        num_keys: Tensors in it.
        prefix: What stands before every name.
        sha256: Hexadecimal; None where it was never published.
        size: Bytes; None where they were never published.
        note: What else one should know.
        is_shipped: Whether it comes with vostool.
    """

    name: str
    system: str
    file: str
    page: str
    url: str | None
    licence: str
    num_keys: int
    prefix: str = ""
    sha256: str | None = None
    size: int | None = None
    note: str = ""
    is_shipped: bool = False


_STCN_PAGE = "https://github.com/hkchengrex/STCN#pretrained-models"
_STCN_RELEASE = "https://github.com/hkchengrex/STCN/releases/tag/1.0"
_STCN_LICENCE = "MIT"

KNOWN = (
    KnownCheckpoint(
        "lite", "lite", "lite.safetensors", "weights/README.md", None,
        "research and non-commercial use, see weights/README.md", 70,
        sha256="1e0c2485144832201d5de7ca0eacc1f58fb59f08be502d41a0e14a7614bc64f0", size=10_585_756,
        note="comes with vostool", is_shipped=True,
    ),
    KnownCheckpoint(
        "stm", "stm", "STM_weights.pth", "https://github.com/seoungwugoh/STM#download-weights",
        "https://www.dropbox.com/s/mtfxdr93xc3q55i/STM_weights.pth?dl=1", "CC BY-NC-SA 4.0", 558, "module.",
        note="trained on DAVIS-2017 and YouTube-VOS",
    ),
    KnownCheckpoint(
        "stcn", "stcn", "stcn.pth", _STCN_PAGE, None, _STCN_LICENCE, 405,
        note="s012, with BL30K; on Google Drive and OneDrive behind a page of consent",
    ),
    KnownCheckpoint(
        "stcn-s03", "stcn", "stcn_s03.pth", _STCN_PAGE, None, _STCN_LICENCE, 405,
        note="without BL30K; on Google Drive and OneDrive behind a page of consent",
    ),
    KnownCheckpoint(
        "stcn-s01", "stcn", "stcn_s01.pth", _STCN_RELEASE, None, _STCN_LICENCE, 405,
        note="pretraining on stills and BL30K, a start for training; an asset of the release",
    ),
    KnownCheckpoint(
        "stcn-s0", "stcn", "stcn_s0.pth", _STCN_RELEASE, None, _STCN_LICENCE, 405,
        note="pretraining on stills, one object: its value encoder takes 4 channels; an asset of the release",
    ),
    KnownCheckpoint(
        "rgmp", "rgmp", "weights.pth", "https://github.com/seoungwugoh/RGMP#how-to-run",
        "https://www.dropbox.com/s/gt0kivrb2hlavi2/weights.pth?dl=1", "non-commercial research only", 319, "module.",
        note="saved by PyTorch 0.3.1; the README's link shows a page, dl=1 in place of dl=0 the file",
    ),
)  # fmt: skip


def known_for(system: str) -> tuple[KnownCheckpoint, ...]:
    """The checkpoints of a system, the one to prefer first; empty if none is known."""
    return tuple(known for known in KNOWN if known.system == system)


def find_known(name: str) -> KnownCheckpoint:
    """The checkpoint of a name.

    Raises:
        UsageError: There is none.
    """
    for known in KNOWN:
        if known.name == name:
            return known
    listed = ", ".join(known.name for known in KNOWN)
    raise UsageError(f"there is no known checkpoint '{name}'", f"choose one of {listed}, or give --url and --system")
