import base64
import csv
import io
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fashion_mocluster.reporting import gallery

HACK = "<img src=x onerror=\"document.title='hacked'\">&'\".jpg"
TITLE = "</script><script>document.title='hacked'</script>"
NO_DUPLICATES = pd.DataFrame(columns=["index", "group", "kind"])
NO_OUTLIERS = pd.DataFrame(columns=["index", "distance"])
COLORS = [(200, 30, 30), (30, 160, 30), (30, 30, 200), (120, 120, 120)]


def small_run(color=True, n=40):
    """Four clusters of pictures of one color each, at the corners of the map; the last is unsorted."""
    cluster = np.arange(n) % 4
    images = np.array(COLORS, np.uint8)[cluster][:, None, None].repeat(60, 1).repeat(60, 2)
    if not color:
        images = images[..., 0]
    paths = [f"a folder/{i}.jpg" for i in range(n)]
    paths[0] = HACK
    clusters = pd.DataFrame({"index": range(n), "path": paths, "cluster": cluster})
    clusters["cluster"] = clusters["cluster"].replace(3, -1)
    clusters["confidence"] = np.linspace(1, 0, n)
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])
    projection = corners[cluster] + 0.01 * np.arange(n)[:, None] / n
    duplicates = pd.DataFrame({"index": [5, 9, 6, 7], "group": [0, 0, 1, 1], "kind": "near"})
    outliers = pd.DataFrame({"index": [2, 1], "distance": [3.0, 7.5]})
    return images, clusters, projection, duplicates, outliers, TITLE


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def decoded(thumbnail):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(thumbnail))).convert("RGB")).astype(
        int
    )


@pytest.mark.parametrize("color", [True, False])
def test_the_page_holds_the_pictures_in_their_colors(color):
    images, *others = small_run(color)
    data = data_of(gallery.gallery_html(images, *others))
    assert [c["label"] for c in data["clusters"]] == [
        *(f"Cluster {i}" for i in range(3)),
        "Unsorted",
    ]
    assert [c["size"] for c in data["clusters"]] == [10] * 4
    assert data["pictures"]["row"] == list(range(40))
    for row, thumbnail in enumerate(data["pictures"]["thumbnail"]):
        shown = decoded(thumbnail)
        expected = images[row] if color else images[row][..., None]
        assert np.abs(shown - expected).max() < 12


def test_typical_borderline_and_odd():
    _, clusters, projection, duplicates, outliers, _ = small_run()
    clusters.loc[[1, 13], "confidence"] = [0.9, 1]
    clusters.loc[[5, 17], "confidence"] = 0.95
    projection[5] = projection[clusters["cluster"] == 1].mean(0) + 3
    picks = gallery.cluster_picks(clusters, projection, duplicates, outliers)
    # Of cluster 1 (rows 1, 5, 9, ...) row 9 is the second of two duplicates and row 1 an outlier.
    assert picks[1].typical.tolist() == [13, 17, 5, 21]
    assert picks[1].borderline.tolist() == [37, 33, 29, 25]
    assert (picks[1].odd.tolist(), picks[2].odd.tolist(), picks[0].odd.tolist()) == ([1], [2], [])


def test_a_cluster_of_outliers_has_no_typical_picture():
    _, clusters, projection, duplicates, *_ = small_run()
    outliers = pd.DataFrame({"index": np.flatnonzero(clusters["cluster"] == 2), "distance": 9.0})
    picks = gallery.cluster_picks(clusters, projection, duplicates, outliers)
    assert [len(rows) for rows in picks[2]] == [0, 0, 10]


def test_copies_are_told_from_what_is_nearly_the_same():
    """Rows 0, 4 and 8 have the same pixels, rows 1 and 5 those of another picture."""
    images, clusters, projection, *_ = small_run()
    rows, groups = [0, 4, 1, 8, 5, 2, 6], [0, 0, 0, 0, 0, 1, 1]
    duplicates = pd.DataFrame({"index": rows, "group": groups, "kind": "exact"})
    images[6] = 7
    page = gallery.gallery_html(images, clusters, projection, duplicates, NO_OUTLIERS, "T")
    mixed, near = data_of(page)["duplicates"]
    assert mixed == {
        **{"kind": "nearly the same", "size": 5},
        **{"same": [[0, 4, 8], [1, 5]], "pictures": []},
    }
    assert near == {"kind": "nearly the same", "size": 2, "same": [], "pictures": [2, 6]}
    images[6] = images[2]
    page = gallery.gallery_html(images, clusters, projection, duplicates, NO_OUTLIERS, "T")
    assert data_of(page)["duplicates"][1] == {**near, "kind": "the same"}


def test_of_many_images_those_shown_first_and_a_sample_are_embedded(monkeypatch):
    monkeypatch.setattr(gallery, "MAX_THUMBNAILS", 16)
    images, *others = small_run(n=400)
    page = gallery.gallery_html(images, *others)
    data = data_of(page)
    rows = data["pictures"]["row"]
    assert len(rows) == len(set(rows)) == 16
    assert {1, 2, 5, 6, 9} <= set(rows)
    for c in data["clusters"]:
        assert [rows[picture] % 4 for picture in c["typical"]] == [c["numbers"][0] % 4]
    assert "16 of them can be seen on this page" in page
    assert len(base64.b64decode(data["points"]["cluster"])) == 2 * 400


def test_a_memory_map_without_files_duplicates_and_outliers(tmp_path):
    images, clusters, projection, *_ = small_run(color=False)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    bare = clusters.drop(columns="path"), projection, NO_DUPLICATES, NO_OUTLIERS
    page = gallery.gallery_html(mapped, *bare, "T")
    data = data_of(page)
    assert data["pictures"]["name"][7] == "image 7"
    assert data["duplicates"] == data["outliers"]["pictures"] == []
    assert 'id="duplicates"' not in page


def test_names_given_before_keep_all_their_clusters():
    images, clusters, *others = small_run()
    names = pd.DataFrame({"cluster": [0, 1, 2], "name": ["Shirts", None, "Shirts"]})
    merged = clusters.assign(cluster=clusters["cluster"].replace(2, 0))
    data = data_of(gallery.gallery_html(images, merged, *others, names=names))
    shown = [(c["label"], c["name"], c["numbers"]) for c in data["clusters"]]
    assert shown[:2] == [("Cluster 0, 2", "Shirts", [0, 2]), ("Cluster 1", "", [1])]
    assert shown[2] == ("Unsorted", "", [-1])
    names.loc[2, "cluster"] = -1
    merged = clusters.assign(cluster=clusters["cluster"].replace(-1, 0))
    data = data_of(gallery.gallery_html(images, merged, *others, names=names))
    assert data["clusters"][0]["label"] == "Cluster 0, unsorted"


def test_the_map_fills_its_square_and_far_points_stay_at_its_edge():
    projection = np.random.default_rng(0).normal(size=(5000, 2)) * [1, 20] + 7
    projection[0] = [1e6, 7]
    scaled = gallery.map_coordinates(projection) / 65535
    assert (scaled[0, 0], scaled.min(), scaled.max()) == (1, 0, 1)
    np.testing.assert_allclose(np.median(scaled, axis=0), 0.5, atol=0.1)
    assert np.corrcoef(scaled[1:, 1], projection[1:, 1])[0, 1] > 0.999


def test_one_image_is_no_images():
    images, clusters, *others = (part[:1] for part in small_run()[:3])
    page = gallery.gallery_html(images, clusters, *others, NO_DUPLICATES, NO_OUTLIERS, "T")
    assert 'href="report.html"' in page
    assert re.search(r'<p class="lead">1 image in 1 cluster\.', page)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium on a gallery, which saves into its folder; closed at the end."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("needs chromium and chromedriver: apt install chromium chromium-driver")
    folder = tmp_path_factory.mktemp("gallery")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery, "MAX_THUMBNAILS", 39)  # one of the 40 images has none
        html = gallery.gallery_html(*small_run(), clustering="abcdefgh")
        (folder / "gallery.html").write_text(html, encoding="utf-8")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run"):
        options.add_argument(f"--{flag}")
    for flag in ("background-networking", "component-update", "sync"):
        options.add_argument(f"--disable-{flag}")
    options.add_argument("--window-size=1200,900")
    options.add_experimental_option("prefs", {"download.default_directory": str(folder)})
    with webdriver.Chrome(options, webdriver.ChromeService(driver)) as opened:
        opened.folder = folder
        opened.implicitly_wait(5)
        yield opened


@pytest.fixture
def page(browser):
    browser.execute_script("window.onbeforeunload = null")
    browser.get((browser.folder / "gallery.html").as_uri())
    assert browser.title == TITLE
    return browser


def find(page, selector):
    return page.find_element("css selector", selector)


def texts(page, selector):
    return [e.text for e in page.find_elements("css selector", selector)]


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_clusters_are_opened_named_merged_and_saved(page):
    from selenium.webdriver.support.wait import WebDriverWait

    assert texts(page, ".card strong") == ["Cluster 0", "Cluster 1", "Cluster 2", "Unsorted"]
    find(page, ".card .open").click()
    assert find(page, "dialog h2").text == "Cluster 0"
    # A file name is text, whatever it holds.
    assert texts(page, "dialog figcaption")[0] == HACK.rpartition("/")[2]
    find(page, "dialog input").send_keys('Shirts, "red"')
    find(page, "[aria-label='Next cluster']").click()
    find(page, "dialog input").send_keys("Shoes")
    find(page, "dialog .close").click()
    fields = page.find_elements("css selector", ".card input")
    fields[2].send_keys("Shoes")
    assert texts(page, ".card strong") == ['Shirts, "red"', "Shoes", "Shoes", "Unsorted"]
    assert texts(page, ".card .note")[1:] == [
        "Cluster 1, merged with Cluster 2",
        "Cluster 2, merged with Cluster 1",
    ]
    assert find(page, "#status").text == "3 of 3 named"
    find(page, "#save").click()
    saved = page.folder / "cluster_names.csv"
    WebDriverWait(page, 10).until(lambda _: saved.exists())
    with saved.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["cluster", "name", "clustering"],
            *(["0", 'Shirts, "red"', "abcdefgh"], ["1", "Shoes", "abcdefgh"]),
            ["2", "Shoes", "abcdefgh"],
        ]
    assert find(page, "#status").text == "3 of 3 named, saved"


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_the_map_shows_what_is_pointed_at_and_opens_its_cluster(page):
    from selenium.webdriver import ActionChains, Keys

    canvas = find(page, "canvas")
    page.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", canvas
    )
    assert not find(page, "#tip").is_displayed()
    # Cluster 2 lies at the lower right; there are margins of 3 percent.
    x, y = 0.47 * canvas.size["width"], 0.47 * canvas.size["height"]
    ActionChains(page).move_to_element_with_offset(canvas, round(x) - 4, round(y) - 4).perform()
    assert "Cluster 2" in find(page, "#tip").text
    assert "a folder/" in find(page, "#tip").text
    color = page.execute_script(
        """const shown = document.querySelector("#tip img");
        const context = document.createElement("canvas").getContext("2d");
        return shown.decode().then(() => {
            context.drawImage(shown, 0, 0);
            return [...context.getImageData(30, 30, 1, 1).data];
        });"""
    )
    assert np.abs(np.subtract(color[:3], COLORS[2])).max() < 12
    ActionChains(page).click().perform()
    assert find(page, "dialog h2").text == "Cluster 2"
    ActionChains(page).send_keys(Keys.ESCAPE).perform()
    assert not find(page, "dialog").is_displayed()
    (bare,) = set(range(40)) - set(page.execute_script("return pictures.row"))
    page.execute_script(f"point({bare})")
    assert f"image {bare}, not among" in find(page, "#tip").text
    # By keyboard: from wherever it begins to the left and then down, past the ten of each cluster.
    canvas.send_keys(*[Keys.ARROW_LEFT] * 11, *[Keys.ARROW_DOWN] * 11)
    assert "Cluster 0" in find(page, "#tip").text
    canvas.send_keys(Keys.ENTER)
    assert find(page, "dialog h2").text == "Cluster 0"


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_duplicates_and_outliers_are_shown_and_a_phone_needs_no_sideways_scrolling(page):
    assert texts(page, ".group .note") == ["the same: 2 images", "nearly the same: 2 images"]
    assert texts(page, ".group figcaption") == ["5.jpg", "9.jpg", "6.jpg", "7.jpg"]
    assert texts(page, "#outliers figcaption") == ["1.jpg (7.5)", "2.jpg (3)"]
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") == 360
        find(page, ".card .open").click()
        dialog = find(page, "dialog")
        assert (dialog.size["width"], dialog.size["height"]) == (360, 740)
        assert page.execute_script("return arguments[0].scrollWidth", dialog) <= 360
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
