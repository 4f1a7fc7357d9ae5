import os
import sys

import pytest
from PIL import Image

from fashion_mocluster.datasets import picture_files
from fashion_mocluster.datasets.picture_files import (
    NO_HEIF,
    find_printed,
    list_pictures,
    natural_order,
    printable,
)


def fill(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (9, 9)).save(root / name, "PNG")


def names(listing):
    return [file.path for file in listing.pictures]


def reasons(listing):
    return {skipped.path: skipped.reason for skipped in listing.skipped}


def test_natural_order():
    ordered = ["1.jpg", "2.jpg", "2a.jpg", "10.jpg", "A/9.jpg", "a/10.jpg", "B.jpg", "ü/1.jpg"]
    assert sorted(reversed(ordered), key=natural_order) == ordered
    assert sorted(["x²1", "x\u0661", "x10", "x9"], key=natural_order)[:2] == ["x9", "x10"]


def test_subfolders_and_names_in_any_script(tmp_path):
    fine = ["2024/1.png", "2024/Ünïcödé 👗, a=b [1] {x}.png", "照片/图 1.png", f"{'n' * 250}.png"]
    fill(tmp_path, *fine)
    assert sorted(names(list_pictures(tmp_path))) == sorted(fine)


def test_what_is_left_out_is_listed_with_its_reason(tmp_path):
    root = tmp_path / ".hidden" / "photos"  # only names below the folder count
    fill(root, "a.png", "shop.jpg/b.png")
    left_out = {
        "._a.png": "side file of macOS",
        "__MACOSX/": "side file of macOS",
        ".ipynb_checkpoints/": "hidden",
        ".DS_Store": "hidden",
        "Thumbs.db": "side file of Windows",
        "desktop.ini": "side file of Windows",
        "@eaDir/": "thumbnails of a file server",
        "notes.txt": "of a kind that is not read (.txt)",
        "README": "of a kind that is not read (no suffix)",
        "zero.jpg": "empty",
    }
    for name in left_out:
        if name.endswith("/"):
            fill(root, f"{name}a.png")
        else:
            (root / name).write_text("" if name == "zero.jpg" else "x")
    listing = list_pictures(root)
    assert names(listing) == ["a.png", "shop.jpg/b.png"]
    assert reasons(listing) == left_out
    assert [s.path for s in listing.skipped if s.is_picture] == ["zero.jpg"]


def test_heic_without_its_package_names_the_cure(tmp_path, monkeypatch):
    fill(tmp_path, "IMG_1.HEIC", "a.png")
    monkeypatch.setattr(picture_files, "heif_is_read", lambda: False)
    listing = list_pictures(tmp_path)
    assert names(listing) == ["a.png"]
    assert listing.skipped == [("IMG_1.HEIC", NO_HEIF, True)]
    assert "pip install pillow-heif" in NO_HEIF
    monkeypatch.setattr(picture_files, "heif_is_read", lambda: True)
    assert len(list_pictures(tmp_path).pictures) == 2


def test_links_are_followed_once_and_never_in_a_loop(tmp_path):
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    fill(root, "z/a.png")
    fill(elsewhere, "b.png", "deep/c.png")
    (root / "a_loop").symlink_to(root)
    (root / "above").symlink_to(tmp_path)
    (root / "again").symlink_to(root / "z")
    (root / "more").symlink_to(elsewhere)
    (root / "more2").symlink_to(elsewhere / "deep")
    (elsewhere / "back").symlink_to(root / "z")
    (root / "d.png").symlink_to(elsewhere / "b.png")
    (root / "dead.png").symlink_to(root / "gone.png")
    (root / "itself.png").symlink_to(root / "itself.png")
    listing = list_pictures(root)
    found = [name for name in names(listing) if "c.png" not in name]
    assert found == ["d.png", "more/b.png", "z/a.png"]
    assert sum("c.png" in name for name in names(listing)) == 1
    assert {"a_loop/", "above/", "again/", "more/back/", "dead.png", "itself.png"} < set(
        reasons(listing)
    )
    (tmp_path / "link").symlink_to(root)
    assert len(list_pictures(tmp_path / "link").pictures) == len(listing.pictures)


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_names_that_are_no_utf8_can_be_printed_and_found_again(tmp_path):
    fill(tmp_path, os.fsdecode(b"caf\xe9.png"), "a\\xe9.png")
    shown = [printable(name) for name in names(list_pictures(tmp_path))]
    assert shown == ["a\\xe9.png", "caf\\xe9.png"]
    "".join(shown).encode()
    assert all(find_printed(tmp_path, name).is_file() for name in shown)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    assert reasons(list_pictures(tmp_path)) == {"x.png": "no regular file"}


def test_one_picture_and_a_picture_beside_others(tmp_path):
    fill(tmp_path, "a.png", "b.png")
    assert names(list_pictures(tmp_path / "b.png")) == ["b.png"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may open all")
def test_a_folder_that_cannot_be_opened_is_listed(tmp_path):
    fill(tmp_path, "closed/a.png", "b.png")
    (tmp_path / "closed").chmod(0)
    try:
        listing = list_pictures(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert names(listing) == ["b.png"]
    assert reasons(listing) == {"closed/": "cannot be opened (Permission denied)"}
