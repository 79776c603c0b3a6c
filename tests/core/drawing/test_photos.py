"""Pictures as people have them: with rubbish in the file, a frame, a bar, a shadow; each read right or not at all."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from core.drawing import drawing_steps
from core.drawing.upload import ENDINGS, read_picture
from core.inference.answer import LoadedModels
from core.runs.starter import Starter

SEVEN = [(60, 50), (140, 50), (95, 155)]
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def seven(side=400):
    """A 7 in dark ink on white paper."""
    picture, scale = Image.new("L", (side, side), 255), side / 200
    ImageDraw.Draw(picture).line([(x * scale, y * scale) for x, y in SEVEN], 0, int(14 * scale), joint="curve")
    return picture


def four():
    """A 4 in two strokes on grey paper."""
    picture = Image.new("L", (400, 400), 235)
    brush = ImageDraw.Draw(picture)
    brush.line([(150, 90), (120, 210), (270, 210)], 25, 26, joint="curve")
    brush.line([(240, 100), (235, 320)], 25, 26)
    return picture


DIGITS = {7: seven, 4: four}


def as_file(picture, format="PNG", **options):
    """The bytes of an image file."""
    file = io.BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def said(data):
    """The digit that the starter reads in a picture file, None where it cannot tell or finds nothing."""
    steps = drawing_steps(read_picture(data))
    run, models = Starter(), LoadedModels()
    return None if steps is None else models.answer_one(run, models.predictor(run), steps.centred).digit


def with_chunk(png, kind, contents, *, checksum=None):
    """A PNG with one more chunk after its header."""
    checksum = zlib.crc32(kind + contents) if checksum is None else checksum
    chunk = struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", checksum)
    return png[:33] + chunk + png[33:]


def with_segment(jpeg, marker, contents):
    """A JPEG with one more segment at its start."""
    return jpeg[:2] + struct.pack(">BBH", 0xFF, marker, len(contents) + 2) + contents + jpeg[2:]


PNG_RUBBISH = [
    (b"eXIf", b"this is no TIFF header", None),
    (b"eXIf", b"MM\0*\xff\xff\xff\xff", None),
    (b"zTXt", b"a\0\0" + zlib.compress(bytes(2**21)), None),  # more text than Pillow lets one chunk have
    (b"acTL", b"", None),
    (b"fcTL", b"rubbish", None),
    (b"tEXt", b"a wrong checksum", 1),
    (b"iCCP", b"rubbish", 1),
]
JPEG_RUBBISH = [
    (0xE0, b"JFIF\0"),
    (0xE1, b"Exif\0\0rubbish"),
    (0xE2, b"ICC_PROFILE\0x"),
    (0xE2, b"MPF\0rubbish"),
    (0xED, b"Photoshop 3.0\x008BIM"),
    (0xEE, b"Adobe\0"),
]


@pytest.mark.parametrize(("kind", "contents", "checksum"), PNG_RUBBISH)
def test_rubbish_beside_the_pixels_of_a_png_is_left(kind, contents, checksum):
    whole = as_file(seven(200))
    picture = read_picture(with_chunk(whole, kind, contents, checksum=checksum))
    np.testing.assert_array_equal(picture, read_picture(whole))


@pytest.mark.parametrize(("marker", "contents"), JPEG_RUBBISH)
def test_rubbish_beside_the_pixels_of_a_jpeg_is_left(marker, contents):
    whole = as_file(seven(200).convert("RGB"), "JPEG")
    np.testing.assert_array_equal(read_picture(with_segment(whole, marker, contents)), read_picture(whole))


def test_rubbish_for_exif_in_a_webp_is_left():
    assert said(as_file(seven(200).convert("RGB"), "WEBP", exif=b"no exif at all")) == 7


@pytest.mark.parametrize("mode", ["CMYK", "RGB", "L"])
def test_a_jpeg_keeps_its_colours_without_its_metadata(mode):
    noise = np.random.default_rng(0).integers(0, 256, (6, 6, 3), np.uint8)
    data = as_file(Image.fromarray(noise).resize((60, 40)).convert(mode), "JPEG", comment=b"a word")
    expected = Image.open(io.BytesIO(data)).convert("L" if mode == "L" else "RGB")
    np.testing.assert_array_equal(read_picture(data), np.asarray(expected))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_picture_is_turned_by_its_exif(format, orientation):
    corner = Image.new("L", (64, 32), 255)
    corner.paste(0, (0, 0, 16, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Where the first row and the first column of the stored picture are seen, by the table of EXIF 2.3, section 4.6.4
    rows_down = {1: True, 2: True, 3: False, 4: False, 5: True, 6: True, 7: False, 8: False}[orientation]
    columns_right = {1: True, 2: False, 3: False, 4: True, 5: True, 6: False, 7: False, 8: True}[orientation]
    picture = read_picture(as_file(corner, format, exif=exif))
    assert picture.shape == ((32, 64) if orientation <= 4 else (64, 32))
    seen = picture if rows_down else picture[::-1]
    assert (seen if columns_right else seen[:, ::-1])[2, 2] < 30


def test_xmp_alone_turns_nothing_as_in_browsers():
    assert said(as_file(four(), "JPEG", quality=90, xmp=XMP)) == 4


def test_windows_other_ending_for_a_jpeg_is_taken():
    assert "jfif" in ENDINGS


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("width", [1, 3, 6])
def test_a_frame_of_dark_pixels_is_cut_off(digit, width):
    picture = DIGITS[digit]()
    ImageDraw.Draw(picture).rectangle([0, 0, 399, 399], outline=60, width=width)
    assert said(as_file(picture)) == digit


@pytest.mark.parametrize("digit", DIGITS)
def test_a_white_margin_around_a_black_square_is_cut_off(digit):
    picture = Image.eval(DIGITS[digit](), lambda value: 255 - value)
    ImageDraw.Draw(picture).rectangle([0, 0, 399, 399], outline=255, width=5)
    assert said(as_file(picture)) == digit


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("begins", [0.2, 0.4, 0.5, 0.6, 0.8])
@pytest.mark.parametrize("light", [0.45, 0.55, 0.7])
def test_a_hard_shadow_over_part_of_it_is_no_ink(digit, begins, light):
    paper = np.asarray(DIGITS[digit]()).astype(float)
    paper[:, int(400 * begins) :] *= light
    assert said(as_file(Image.fromarray(paper.astype(np.uint8)), "JPEG", quality=90)) == digit


def font(size):
    """The font that Pillow brings, at a size."""
    return ImageFont.load_default(size)


@pytest.mark.parametrize("digit", [2, 5, 9])
def test_a_bar_below_a_printed_digit_is_no_part_of_it(digit):
    picture = Image.new("RGB", (420, 460), "white")
    brush = ImageDraw.Draw(picture)
    brush.text((210, 200), str(digit), (230, 20, 90), font(270), anchor="mm", stroke_width=8)
    brush.rectangle([0, 430, 420, 460], fill="black")
    assert said(as_file(picture)) == digit


@pytest.mark.parametrize("digit", [3, 6, 9])
def test_an_outlined_digit_is_read_right_or_not_at_all(digit):
    picture = Image.new("RGB", (166, 148), "white")
    brush = ImageDraw.Draw(picture)
    brush.text((86, 76), str(digit), "black", font(100), anchor="mm", stroke_width=9, stroke_fill="black")
    filling = (180, 235, 215)
    brush.text((83, 73), str(digit), filling, font(100), anchor="mm", stroke_width=7, stroke_fill=filling)
    assert said(as_file(picture)) in (digit, None)


def test_a_small_digit_in_a_long_strip_is_read():
    strip = Image.new("L", (4000, 40), 255)
    strip.paste(seven(40), (1980, 0))
    assert said(as_file(strip)) == 7


def test_a_digit_that_fills_its_picture_is_no_shadow():
    picture = Image.new("L", (120, 200), 255)
    ImageDraw.Draw(picture).line([(80, -10), (40, 210)], 0, 50)
    steps = drawing_steps(np.asarray(picture))
    assert (steps.ink > 0).sum() == pytest.approx((np.asarray(picture) < 128).sum(), rel=0.02)
