"""Where the ink is in a picture: what differs from its background, without frame, shadow, dust and what is cut off.

SciPy and Pillow are imported where they are used, so that a page that draws nothing starts without them.
"""

from __future__ import annotations

import numpy as np

FAINTEST_INK = 24  # grey levels between background and ink: less is background
EDGE_OF_INK = 0.12  # of the ink's full strength: where the crop ends
DUST_OF_PICTURE = 0.03  # of the picture's length: shorter specks are dust
DUST_OF_DIGIT = 0.12  # of the longest piece of ink: shorter pieces are dust
STRIP = 4  # a picture longer than so many times its height is a strip, in which a digit is as high as the strip
RIM = 32  # of the picture's length, the part that tells the background
SAME_FRAME = 0.95  # of the outermost pixels: so many have one colour where it is a frame
UNREST = 6  # grey levels: a border that differs more from its own median is lit unevenly
THICKEST = 0.25  # of the picture's length: what is farther than this from all background is no stroke, but a shadow
LEAST_DIGIT = 0.005  # of the picture: less of another tone is noise
COARSE = 128  # how long a picture is on which its lighting is estimated
CUT_OFF = 0.5  # of the picture's short side: what lies along its edge for so long goes on outside


def length(picture: np.ndarray) -> int:
    """The long side of a picture; for a strip, four times the short side."""
    return min(max(picture.shape[:2]), STRIP * min(picture.shape[:2]))


def border(picture: np.ndarray, rim: int | None = None) -> np.ndarray:
    """The outermost pixels as (n,) or (n, 3), `rim` deep; by default the depth that shows the background."""
    rim = rim or max(1, length(picture) // RIM)
    middle = picture[rim:-rim]
    parts = (picture[:rim], picture[-rim:], middle[:, :rim], middle[:, -rim:])
    return np.concatenate([part.reshape(-1, *picture.shape[2:]) for part in parts])


def find_ink(picture: np.ndarray) -> np.ndarray | None:
    """The ink of an opaque picture as uint8 (h, w), 255 at its full strength, or None where there is none.

    Ink is what differs from the background, lighter or darker, in any colour channel: so polarity does not matter.
    Where the lighting differs it is what differs from its surroundings. The picture comes back without its frame.
    """
    if picture.ndim == 3 and all((picture[..., 0] == picture[..., other]).all() for other in (1, 2)):
        picture = picture[..., 0]
    picture = _without_frame(picture)
    contrast = _apart(picture, np.rint(np.median(border(picture), axis=0)))
    if contrast.max() < FAINTEST_INK:
        return None
    unrest = np.median(border(contrast))
    found = _pieces(contrast, unrest) if unrest <= UNREST else None
    if unrest > UNREST or (found is not None and _has_shadow(picture, found)):
        evened = _even_out(picture)
        evenly_lit = _pieces(evened, np.median(border(evened)), photo=True)
        found = found if evenly_lit is None else evenly_lit
    if found is None:
        return None
    full = np.percentile(found[found > found.max() / 2], 75)
    found[found < EDGE_OF_INK * full] = 0
    return np.minimum(found * (255 / full), 255).astype(np.uint8)


def _without_frame(picture: np.ndarray) -> np.ndarray:
    """Cut off a frame: an outermost ring of one colour that most of the picture does not have.

    It is a screenshot's line, a scanner's edge or a white margin, at most a sixteenth of the picture wide.
    """
    rim = max(1, length(picture) // RIM)
    if min(picture.shape[:2]) <= 8 * rim:
        return picture
    paper = np.median(picture[2 * rim : -2 * rim, 2 * rim : -2 * rim], axis=(0, 1))
    outermost = border(picture, 1)
    frame = np.median(outermost, axis=0)
    if np.max(_apart(frame, paper)) < FAINTEST_INK:
        return picture
    if np.mean(_apart(outermost, frame) < _apart(outermost, paper)) < SAME_FRAME:
        return picture
    for depth in range(1, 2 * rim + 1):
        inner = picture[depth:-depth, depth:-depth]
        if np.max(_apart(np.median(border(inner, 1), axis=0), paper)) < FAINTEST_INK / 2:
            return inner
    return picture


def _apart(colours: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """How far colours (…,) or (…, 3) are from one, () or (3,), in the channel where it is most: int16 (…,)."""
    apart = np.abs(np.asarray(colours).astype(np.int16) - colour.astype(np.int16))
    return apart if colour.ndim == 0 else apart.max(axis=-1)


def _pieces(contrast: np.ndarray, unrest: float, *, photo: bool = False) -> np.ndarray | None:
    """The contrast of the pieces that are ink, 0 elsewhere: without dust and what the picture's edge cuts off.

    What lies along the edge is a bar or a table, and on a photo so is what crosses the edge, unless there is nothing
    else.
    """
    from scipy import ndimage

    pieces, _ = ndimage.label(contrast > max(FAINTEST_INK, 6 * unrest), structure=np.ones((3, 3)))
    lengths = np.array([max(s.stop - s.start for s in box) for box in ndimage.find_objects(pieces)])
    kept = lengths > DUST_OF_PICTURE * length(contrast)
    if not kept.any():
        return None
    at_edge = np.bincount(border(pieces, 1), minlength=len(kept) + 1)[1:]
    whole = kept & (at_edge == 0 if photo else at_edge < CUT_OFF * min(contrast.shape))
    if (whole & (at_edge == 0)).any():
        kept = whole
    kept &= lengths > DUST_OF_DIGIT * lengths[kept].max()
    return contrast * np.concatenate([[False], kept])[pieces]


def _has_shadow(picture: np.ndarray, ink: np.ndarray) -> bool:
    """Whether some of the ink is too thick for a stroke and other ink lies in it, or beside it on darker paper."""
    from PIL import Image
    from scipy import ndimage

    step = max(1, length(ink) // COARSE)
    ink, grey = ink[::step, ::step], np.asarray(Image.fromarray(picture).convert("L"), dtype=np.int16)[::step, ::step]
    thick = ndimage.distance_transform_edt(ink) > THICKEST * length(ink)
    if not thick.any():
        return False
    background, shadow = np.median(border(grey)), np.median(grey[thick])
    sign = 1 if shadow > background else -1
    beyond = sign * (grey - shadow) > FAINTEST_INK
    opposite = sign * (background - grey) > FAINTEST_INK
    return np.mean((ink > 0) & (beyond | opposite)) > LEAST_DIGIT


def _even_out(picture: np.ndarray) -> np.ndarray:
    """How far each pixel of an unevenly lit picture is from its surroundings, int (H, W).

    The surroundings are a morphological closing (light paper) or opening (dark) a quarter of the picture wide. At the
    edge of a shadow the darker side counts, so that the edge itself is no ink.
    """
    from PIL import Image
    from scipy import ndimage

    grey = Image.fromarray(picture).convert("L")
    coarse = np.asarray(grey.resize((COARSE, COARSE), Image.Resampling.BOX))
    light = np.percentile(border(coarse), 75) > np.percentile(coarse, (1, 99)).mean()
    surround = (ndimage.grey_closing if light else ndimage.grey_opening)(coarse, size=(COARSE // 4, COARSE // 4))
    smooth = ndimage.uniform_filter(surround, 3)
    nearest = (ndimage.minimum_filter if light else ndimage.maximum_filter)(smooth, 5)
    surround = np.asarray(Image.fromarray(nearest).resize(grey.size, Image.Resampling.BILINEAR), dtype=np.int32)
    contrast = surround - np.asarray(grey)
    return np.maximum(contrast * 255 // np.maximum(surround, 1) if light else -contrast, 0)
