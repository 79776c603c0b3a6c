"""`core.drawing.upload`: what people upload becomes a picture of bounded size, or is refused in words."""

import io
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageFilter

from core.drawing import normalise_drawing, upload
from core.drawing.upload import MOST_BYTES, MOST_SIDE, STRIP_SIDE, PictureError, read_picture

UPRIGHT_AGAIN = {1: 0, 3: 180, 6: 90, 8: 270}  # degrees counter-clockwise that the stored picture is turned by


def as_file(image, format="PNG", **options):
    """The bytes of an image file."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def random_image(width, height, mode="RGB", seed=0):
    """A picture of large, soft blots."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 4, 4), np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def photo(digit, orientation=1, seed=0):
    """A phone's JPEG of a pen on paper: light falling off, a hard shadow, noise, and turned as the camera was held."""
    rng = np.random.default_rng(seed)
    width, height = 1200, 1600
    ink = Image.new("L", (width, height))
    ink.paste(Image.fromarray(digit).resize((560, 560), Image.Resampling.BICUBIC), (300, 450))
    ink = np.asarray(ink.filter(ImageFilter.GaussianBlur(3)), np.float32) / 255
    down, right = np.mgrid[:height, :width] / max(width, height)
    light = 225 - 60 * down - 30 * right
    light *= np.where(right + 0.3 * down > 0.75, 0.62, 1.0)  # the phone's own shadow
    paper = np.asarray(Image.fromarray(light.astype(np.uint8)).filter(ImageFilter.GaussianBlur(12)), np.float32)
    grey = paper * (1 - 0.75 * ink) + rng.normal(0, 4, (height, width))
    rgb = np.clip(grey[..., np.newaxis] * [1.0, 0.97, 0.88], 0, 255).astype(np.uint8)
    stored = Image.fromarray(rgb).rotate(UPRIGHT_AGAIN[orientation], expand=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return as_file(stored, "JPEG", quality=85, exif=exif)


def alike(first, second):
    """How much of the ink is in the same place, 0 to 1."""
    first, second = first.astype(float), second.astype(float)
    moved = (np.roll(second, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1))
    return max(2 * np.minimum(first, other).sum() / (first.sum() + other.sum()) for other in moved)


@pytest.mark.parametrize("orientation", sorted(UPRIGHT_AGAIN))
def test_a_phone_photo_with_a_shadow_reads_like_its_digit(digits, orientation):
    digit = digits.x_test[3]
    picture = read_picture(photo(digit, orientation))
    assert picture.shape == (1600, 1200, 3)
    assert alike(normalise_drawing(picture), normalise_drawing(digit)) > 0.85


@pytest.mark.parametrize("index", range(12))
def test_every_digit_survives_being_photographed(digits, index):
    digit = digits.x_test[index]
    assert alike(normalise_drawing(read_picture(photo(digit, seed=index))), normalise_drawing(digit)) > 0.8


@pytest.mark.parametrize(
    ("mode", "format", "shape"),
    [
        ("L", "PNG", (40, 60)),
        ("1", "PNG", (40, 60)),
        ("P", "PNG", (40, 60, 4)),  # of a picture with transparent parts
        ("RGBA", "PNG", (40, 60, 4)),
        ("LA", "PNG", (40, 60, 4)),
        ("CMYK", "JPEG", (40, 60, 3)),
        ("L", "JPEG", (40, 60)),
        ("RGB", "WEBP", (40, 60, 3)),
    ],
)
def test_every_kind_of_file_is_read(mode, format, shape):
    picture = read_picture(as_file(random_image(60, 40, mode), format))
    assert (picture.shape, picture.dtype) == (shape, np.uint8)


def test_sixteen_bits_are_not_cut_off():
    values = np.linspace(0, 65535, 40 * 60).reshape(40, 60).astype(np.uint16)
    picture = read_picture(as_file(Image.fromarray(values)))
    assert np.abs(picture.astype(int) - (values >> 8)).max() <= 1


def test_of_an_animation_the_first_picture_is_taken():
    frames = [random_image(40, 40, seed=seed) for seed in range(3)]
    data = as_file(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert (read_picture(data) == np.asarray(frames[0])).all()


@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (3000, 4000), (2049, 600)])
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_large_picture_is_averaged_down(format, width, height):
    picture = read_picture(as_file(random_image(width, height), format))
    assert max(picture.shape[:2]) <= MOST_SIDE
    assert picture.shape[1] / picture.shape[0] == pytest.approx(width / height, rel=0.03)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a PNG, JPEG or WebP"),
        (b"GIF89a" + bytes(100), "not a PNG, JPEG or WebP"),
        (b"%PDF-1.7", "not a PNG, JPEG or WebP"),
        (as_file(random_image(40, 40), "GIF"), "not a PNG, JPEG or WebP"),
        (as_file(random_image(400, 400), "JPEG")[:900], "damaged"),
        (bytes(MOST_BYTES + 1), "limit is 10 MB"),
        (as_file(Image.new("L", (7, 40))), "too small or too narrow"),
        (as_file(Image.new("L", (5000, 9))), "too small or too narrow"),
        (as_file(Image.new("1", (8000, 7000))), "limit is 50 million"),
        (as_file(Image.new("1", (16000, 14000))), "damaged"),  # Pillow itself refuses to open it
    ],
    ids=range(10),
)
def test_what_cannot_be_read_is_refused_in_words(data, words):
    with pytest.raises(PictureError, match=words):
        read_picture(data)


def thin_png():
    """67 bytes that say that they hold 1 × 49,999,999 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 49_999_999, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def jpeg_of_many_scans():
    """A progressive JPEG whose last scan comes 300 times: 2 s for 78 kB, and minutes for 10 MB."""
    file = io.BytesIO()
    random_image(400, 300).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * 300 + data[-2:]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (thin_png(), "1 × 49,999,999 pixels, which is too small or too narrow"),
        (as_file(Image.new("1", (40_000, 70))), "too small or too narrow"),
        (as_file(Image.new("L", (16_000, 30)), "WEBP"), "too small or too narrow"),
        (as_file(Image.new("L", (20_000, 38)), "JPEG"), "too small or too narrow"),
        (jpeg_of_many_scans(), "310 scans; the limit is 64"),
    ],
    ids=["thin", "png", "webp", "jpeg", "scans"],
)
def test_what_costs_more_than_its_result_is_refused_before_it_is_decoded(data, words, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("it was decoded"))
    with pytest.raises(PictureError, match=words):
        read_picture(data)


def test_the_long_strip_and_the_photo_of_twelve_megapixels_are_read():
    assert min(read_picture(as_file(random_image(4000, 40))).shape[:2]) >= 20
    assert read_picture(as_file(random_image(4000, 3000), "JPEG")).shape[:2] == (1536, 2048)
    assert read_picture(as_file(Image.new("L", (2048, 8)))).shape == (8, 2048)


def test_pictures_are_decoded_one_after_the_other_however_many_ask(monkeypatch):
    at_once, most = [], []
    decoded = upload._decoded

    def watched(data, formats):
        at_once.append(data)
        most.append(len(at_once))
        time.sleep(0.02)
        at_once.pop()
        return decoded(data, formats)

    monkeypatch.setattr(upload, "_decoded", watched)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(read_picture, [as_file(random_image(40, 40))] * 8))
    assert most == [1] * 8


def is_a_picture_or_refused(data):
    try:
        picture = read_picture(data)
    except PictureError:
        return
    assert picture.dtype == np.uint8
    assert picture.ndim == 2 or picture.shape[2] in (3, 4)
    assert 8 <= min(picture.shape[:2]) <= max(picture.shape[:2]) <= STRIP_SIDE
    normalise_drawing(picture)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_picture_or_refused(data):
    is_a_picture_or_refused(data)


WHOLE = [
    as_file(random_image(30, 20, mode), format)
    for mode, format in (("RGB", "PNG"), ("P", "PNG"), ("RGBA", "PNG"), ("RGB", "JPEG"), ("RGB", "WEBP"))
]


@settings(max_examples=200)
@given(st.sampled_from(WHOLE), st.data())
def test_any_damage_to_a_file_gives_a_picture_or_is_refused(whole, data):
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    is_a_picture_or_refused(bytes(damaged[: data.draw(st.integers(0, len(whole)))]))
