"""Pictures of every kind against what they were made of."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from fashion_mocluster.datasets import picture_decoding
from fashion_mocluster.datasets.picture_decoding import (
    UnreadablePictureError,
    decode_picture,
    prepare_decoding,
    to_gray,
)
from fashion_mocluster.datasets.picture_options import PictureOptions

SIDE = 32
# A dark ramp from left to right on a light ground.
RAMP = np.full((SIDE, SIDE), 230, np.uint8)
RAMP[8:24, 8:24] = np.arange(0, 160, 10)
COLORS = np.stack([RAMP, RAMP.T, np.full_like(RAMP, 40)], axis=2)


@pytest.fixture
def decode(tmp_path):
    def _decode(picture, name="x.png", color="rgb", shape=(SIDE, SIDE), **save):
        path = tmp_path / name
        if isinstance(picture, np.ndarray):
            picture = Image.fromarray(picture)
        if isinstance(picture, bytes):
            path.write_bytes(picture)
        else:
            picture.save(path, **save)
        options = PictureOptions(image_shape=shape, color=color, invert=False)
        return decode_picture(path, options, prepare_decoding())

    return _decode


def differs(decoded, expected):
    """Mean difference of pixels."""
    return np.abs(decoded.pixels.astype(int) - expected).mean()


@pytest.mark.parametrize(
    ("name", "save", "tolerance"),
    [
        ("x.jpg", {"quality": 98, "subsampling": 0}, 4),
        ("x.JPG", {"quality": 98, "subsampling": 0}, 4),
        ("x.png", {}, 0),
        ("x.webp", {"lossless": True}, 0),
        ("x.avif", {"quality": 100}, 4),
        ("x.jp2", {}, 0),
        ("x.tif", {}, 0),
        ("x.tif", {"compression": "tiff_lzw"}, 0),
        ("x.bmp", {}, 0),
        ("x.gif", {}, 4),
    ],
)
def test_formats(decode, name, save, tolerance):
    picture = Image.fromarray(COLORS)
    assert differs(decode(picture, name, **save), COLORS) <= tolerance
    assert differs(decode(picture, name, color="gray", **save), to_gray(COLORS)) <= tolerance


def test_heic_with_the_optional_package(decode):
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    decoded = decode(Image.fromarray(COLORS), "x.heic", quality=100)
    assert differs(decoded, COLORS) < 8


@pytest.mark.parametrize("kind", ["MPO", "GIF", "PNG"])
def test_files_of_another_kind_than_their_name_says(decode, kind):
    buffer = io.BytesIO()
    Image.fromarray(COLORS).save(buffer, kind)
    assert differs(decode(buffer.getvalue(), "x.jpg"), COLORS) < 8


@pytest.mark.parametrize(
    ("name", "kind"), [("x.gif", "GIF"), ("x.webp", "WEBP"), ("x.tif", "TIFF")]
)
def test_the_first_of_several_images(decode, name, kind):
    buffer = io.BytesIO()
    others = [Image.new("RGB", (SIDE, SIDE), color) for color in ("red", "blue")]
    Image.fromarray(COLORS).save(buffer, kind, save_all=True, append_images=others)
    assert differs(decode(buffer.getvalue(), name), COLORS) < 8


GRAYS = {
    "16 bit PNG": (RAMP.astype(np.uint16) * 257, "x.png"),
    "16 bit TIFF": (RAMP.astype(np.uint16) * 257, "x.tif"),
    "big-endian TIFF": (RAMP.astype(">u2") * 257, "x.tif"),
    "int32, 8 bits used": (RAMP.astype(np.int32), "x.tif"),
    "int32, 16 bits used": (RAMP.astype(np.int32) * 257, "x.tif"),
    "float, 0 to 1": (RAMP.astype(np.float32) / 255, "x.tif"),
    "float, 0 to 255": (RAMP.astype(np.float32), "x.tif"),
    "float, 0 to 65535": (RAMP.astype(np.float32) * 257, "x.tif"),
    "LA": (np.stack([RAMP, np.full_like(RAMP, 255)], axis=2), "x.png"),
}


@pytest.mark.parametrize(("array", "name"), GRAYS.values(), ids=GRAYS)
def test_grays_of_all_depths(decode, array, name):
    decoded = decode(array, name)
    assert differs(decoded, RAMP[..., None]) < 0.51
    assert not decoded.has_color


def test_floats_of_any_range_are_stretched_and_nan_is_the_darkest(decode):
    values = RAMP.astype(np.float32) * 10 - 500
    expected = (values - values.min()) / np.ptp(values) * 255
    values[12, 8] = np.nan
    assert differs(decode(values, "x.tif"), expected[..., None]) < 0.51
    for constant in (-7, np.nan):
        pixels = decode(np.full((SIDE, SIDE), constant, np.float32), "x.tif").pixels
        assert (pixels == pixels[0, 0]).all()


def test_modes(decode):
    one_bit = RAMP > 100
    assert differs(decode(Image.fromarray(one_bit)), one_bit[..., None] * 255) == 0
    cmyk = Image.fromarray(COLORS).convert("CMYK")
    assert differs(decode(cmyk, "x.tif"), COLORS) < 1
    assert differs(decode(cmyk, "x.jpg", quality=98), COLORS) < 6
    palette = Image.fromarray(COLORS).quantize(256)
    assert differs(decode(palette), COLORS) < 6
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(Image.fromarray(COLORS), *profiles, outputMode="LAB")
    assert differs(decode(lab, "x.tif"), COLORS) < 6


@pytest.mark.parametrize(("thing", "ground"), [(255, 0), (230, 0), (0, 255), (90, 255)])
def test_a_thing_on_transparent_ground_stays_visible(decode, thing, ground):
    cutout = np.zeros((SIDE, SIDE, 4), np.uint8)  # the transparent part is black, as usual
    cutout[8:24, 8:24] = (thing, thing, thing, 255)
    decoded = decode(cutout)
    assert (decoded.pixels[0, 0] == ground).all()
    assert (decoded.pixels[16, 16] == thing).all()
    assert decoded.ground == ground


def test_transparency_of_a_palette_of_a_color_and_of_nothing(decode):
    palette = Image.fromarray((RAMP < 200).astype(np.uint8) * 1).convert("P")
    palette.putpalette([0, 0, 0, 250, 250, 250])
    assert decode(palette, transparency=0).pixels[0, 0, 0] == 0
    keyed = np.where(RAMP[..., None] < 200, [200, 30, 30], [1, 2, 3]).astype(np.uint8)
    assert (decode(keyed, transparency=(1, 2, 3)).pixels[0, 0] == 255).all()
    assert (decode(np.zeros((SIDE, SIDE, 4), np.uint8)).pixels == 255).all()


@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.webp", "x.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_as_the_exif_block_says(decode, name, orientation):
    turned = {
        1: COLORS,
        2: COLORS[:, ::-1],
        3: COLORS[::-1, ::-1],
        4: COLORS[::-1],
        5: COLORS.transpose(1, 0, 2),
        6: np.rot90(COLORS, 1),
        7: COLORS[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(COLORS, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.fromarray(np.ascontiguousarray(turned))
    save = {"quality": 98} if name == "x.jpg" else {"lossless": True} if name == "x.webp" else {}
    assert differs(decode(picture, name, exif=exif, **save), COLORS) < 6


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "exif", [b"Exif\0\0MM\0*", b"Exif\0\0" + bytes(40), b"Exif\0\0II*\0\xff\xff\xff\xff"]
)
def test_a_damaged_exif_block_costs_no_picture(decode, exif):
    picture = Image.fromarray(COLORS)
    assert differs(decode(picture, "x.jpg", exif=exif, quality=98), COLORS) < 6


def test_aspect_is_kept_and_the_sides_continue_the_border(decode):
    wide = np.full((10, 40, 3), (10, 200, 30), np.uint8)
    wide[4:6, 10:30] = 0
    pixels = decode(wide, shape=(20, 20)).pixels
    assert (pixels[:7] == (10, 200, 30)).all()
    assert (pixels[13:] == (10, 200, 30)).all()
    assert pixels[9, 10].max() < 120
    assert decode(np.zeros((1, 900, 3), np.uint8), shape=(20, 20)).pixels.shape == (20, 20, 3)


@pytest.mark.parametrize("ground", [120, 126, 128, 134])
def test_grounds_near_middle_gray_are_left_as_they_are(decode, ground):
    picture = np.full((SIDE, SIDE), ground, np.uint8)
    picture[8:24, 8:24] = 102
    assert differs(decode(picture, color="gray"), picture) == 0


def test_reduced_decoding_of_jpeg_is_close_to_that_of_all_pixels(decode):
    rng = np.random.default_rng(0)
    large = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    large = large.resize((1600, 1200), Image.Resampling.BICUBIC)
    reduced = decode(large, "x.jpg", shape=(60, 80), quality=95)
    expected = np.asarray(large.resize((80, 60), Image.Resampling.LANCZOS), int)
    assert differs(reduced, expected) < 3


def test_grays_after_compression_and_a_small_colored_mark(decode):
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 1), dtype=np.uint8)
    gray = np.repeat(noise, 3, axis=2)
    assert not decode(gray, "x.jpg", quality=60).has_color
    gray[4:7, 4:7] = (200, 30, 30)
    assert decode(gray).has_color


def truncated_jpeg():
    buffer = io.BytesIO()
    Image.effect_noise((80, 80), 50).save(buffer, "JPEG")
    return buffer.getvalue()[:-40]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (truncated_jpeg(), "damaged (image file is truncated"),
        (b"<!DOCTYPE html><title>Not found</title>", "no picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "no picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "no picture"),
    ],
)
def test_what_is_no_picture_is_named(decode, content, reason):
    with pytest.raises(UnreadablePictureError) as error:
        decode(content, "x.jpg")
    assert str(error.value).startswith(reason)
    assert error.value.lasting


def test_a_picture_of_too_many_pixels(decode, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(UnreadablePictureError, match=r"too large \(more than 200 pixels"):
        decode(COLORS)


def test_a_missing_file_may_come_back(tmp_path):
    with pytest.raises(UnreadablePictureError, match="No such file") as error:
        decode_picture(tmp_path / "x.png", PictureOptions(), prepare_decoding())
    assert not error.value.lasting


def test_large_pictures_are_decoded_alone(decode, monkeypatch):
    monkeypatch.setattr(picture_decoding, "LARGE", 10)
    assert differs(decode(COLORS), COLORS) == 0
    assert not picture_decoding.ONE_LARGE.locked()


def test_gray_is_pillows():
    colors = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(colors).convert("L"))
    np.testing.assert_array_equal(to_gray(colors), expected)
