from fashion_mocluster.wording import counted


def test_one_is_no_plural():
    said = [counted(n, "image") for n in (0, 1, 2000)]
    assert said == ["0 images", "1 image", "2,000 images"]
    assert counted(2, "copy", "copies") == "2 copies"
