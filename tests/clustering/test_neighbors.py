import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors, kneighbors_graph
from threadpoolctl import threadpool_limits

from fashion_mocluster.clustering import approximate_neighbors as approximate
from fashion_mocluster.clustering import neighbors
from fashion_mocluster.clustering.approximate_neighbors import approximate_neighbors
from fashion_mocluster.clustering.neighbors import (
    distinct_points,
    nearest_among,
    nearest_in_rows,
    nearest_neighbors,
    neighbor_graph,
)


def recall(true, found):
    """The share of the true neighbors (N, k) that are among those found."""
    return np.mean([np.isin(*pair).mean() for pair in zip(true, found, strict=True)])


def said(caplog):
    """The recall that the last message states."""
    return float(caplog.messages[-1].split("recall ")[1].split(",")[0])


@pytest.mark.parametrize("k", [1, 5, 149])
@pytest.mark.parametrize("offset", [0, 1e3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_against_differences_of_all_pairs(k, offset, dtype):
    x = (np.random.default_rng(0).normal(size=(150, 6)) + offset).astype(dtype)
    expected = cdist(x.astype(np.float64), x.astype(np.float64))
    np.fill_diagonal(expected, np.inf)
    indices, distances = nearest_neighbors(x, k)
    np.testing.assert_array_equal(indices, expected.argsort(1)[:, :k])
    np.testing.assert_allclose(distances, np.sort(expected, 1)[:, :k], rtol=1e-5)
    assert (indices.dtype, distances.dtype) == (np.int64, np.float32)


def test_the_number_of_threads_changes_nothing():
    x = np.random.default_rng(0).normal(size=(3000, 40)).astype(np.float32)
    results = []
    for threads in (1, 2):
        neighbors.search.cache_clear()
        with threadpool_limits(threads):
            results.append(nearest_neighbors(x, 9))
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_second_search_of_the_same_points_is_the_first(monkeypatch):
    """Whoever asks, for however many neighbors and in whatever memory layout."""
    x = np.random.default_rng(0).normal(size=(400, 12)).astype(np.float32)
    searched = []
    unshared = neighbors.search.__wrapped__
    monkeypatch.setattr(
        neighbors, "NearestNeighbors", lambda **how: searched.append(how) or NearestNeighbors(**how)
    )
    neighbors.search.cache_clear()
    for k, points in ((10, x), (15, x.copy()), (29, np.asfortranarray(x)), (3, x)):
        for shared, alone in zip(nearest_neighbors(points, k), unshared(x, k), strict=True):
            np.testing.assert_array_equal(shared, alone)
    assert len(searched) == 1 + 4
    nearest_neighbors(x, 31)
    nearest_neighbors(x + 1, 10)
    nearest_neighbors(x.astype(np.float64), 10)
    assert len(searched) == 4 + 4
    with pytest.raises(ValueError, match="read-only"):
        nearest_neighbors(x, 10)[0][0] = 0


@pytest.mark.parametrize("share", [1.0, 0.9, 0.2])
def test_neighbors_in_some_rows_are_those_of_a_search_of_these_alone(share):
    """Also of points that have all their nearest neighbors outside these rows."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 8)).astype(np.float32)
    rows = np.flatnonzero(rng.random(300) < share)
    found, distances = nearest_in_rows(x, rows, 7)
    alone, alone_distances = nearest_neighbors(x[rows], 7)
    np.testing.assert_array_equal(found, alone)
    np.testing.assert_allclose(distances, alone_distances, rtol=1e-4)
    assert nearest_in_rows(x, np.array([3, 8]), 1)[0].tolist() == [[1], [0]]


def test_among_many_points_those_in_some_rows_come_from_the_one_search_of_all(monkeypatch, caplog):
    caplog.set_level("INFO")
    x = np.random.default_rng(0).normal(size=(2001, 6)).astype(np.float32)
    rows = np.delete(np.arange(2001), [5, 300, 1200])
    true, _ = nearest_neighbors(x[rows], 9)
    monkeypatch.setattr(neighbors, "ALL_PAIRS", 500)
    neighbors.search.cache_clear()
    nearest_neighbors(x, 9)
    found, distances = nearest_in_rows(x, rows, 9)
    assert sum("are approximate" in message for message in caplog.messages) == 1
    assert recall(true, found) > 0.94
    lengths = np.linalg.norm(x[rows][found] - x[rows][:, None], axis=2)
    np.testing.assert_allclose(distances, lengths, rtol=1e-3)


@pytest.mark.parametrize("offset", [0, 100])
def test_among_very_many_points_nearly_all_neighbors_are_found(offset, monkeypatch, caplog):
    caplog.set_level("INFO", "fashion_mocluster")
    x = (np.random.default_rng(0).normal(size=(4000, 20)) + offset).astype(np.float32)
    true, _ = nearest_neighbors(x, 12)
    monkeypatch.setattr(neighbors, "ALL_PAIRS", 500)
    neighbors.search.cache_clear()
    found, distances = nearest_neighbors(x, 12)
    assert (found.dtype, distances.dtype) == (np.int64, np.float32)
    assert not (found == np.arange(4000)[:, None]).any()
    assert (np.diff(distances) >= 0).all()
    assert recall(true, found) > 0.94
    assert said(caplog) == pytest.approx(recall(true, found), abs=0.02)
    np.testing.assert_allclose(distances, np.linalg.norm(x[found] - x[:, None], axis=2), rtol=1e-3)
    among, _ = nearest_among(x, x[:700] + 0.01, 12)
    assert np.mean(among[:, 0] == np.arange(700)) > 0.94


def test_of_many_dimensions_candidates_are_compared_in_all_of_them(monkeypatch, caplog):
    caplog.set_level("INFO", "fashion_mocluster")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 20)) @ rng.normal(size=(20, 300)) + 0.3 * rng.normal(
        size=(3000, 300)
    )
    x = (x + 5).astype(np.float32)
    true, true_distances = nearest_neighbors(x, 8)
    monkeypatch.setattr(neighbors, "ALL_PAIRS", 2500)  # of 128 dimensions, so 1633 of 300
    neighbors.search.cache_clear()
    found, distances = nearest_neighbors(x, 8)
    assert recall(true, found) > 0.94
    assert "are approximate: recall 0.9" in caplog.text
    both = true == found
    np.testing.assert_allclose(distances[both], true_distances[both], rtol=1e-4)
    lengths = np.linalg.norm(x[found] - x[:, None], axis=2)
    np.testing.assert_allclose(distances, lengths, rtol=1e-4)
    few_of_many = nearest_among(x, x[:30] + 0.001, 1)[0]
    assert (few_of_many.ravel() == np.arange(30)).all()


def test_more_neighbors_than_a_cell_holds_are_found_in_others():
    x = np.random.default_rng(0).normal(size=(900, 4)).astype(np.float32)
    found = approximate._Cells(x).search(x, 400, n_cells=1)
    assert (np.diff(np.sort(found)) > 0).all()
    assert (found >= 0).all()


@pytest.mark.parametrize("count", [1, 3, 30])
def test_the_nearest_centers_come_first(count):
    rng = np.random.default_rng(0)
    x, centers = (rng.normal(size=(n, 4)).astype(np.float32) for n in (2500, 30))
    found = approximate._nearest_centers(x, centers, count)
    np.testing.assert_array_equal(found, cdist(x, centers).argsort(1)[:, :count])


@pytest.mark.parametrize(("n_cells", "n_neighbors"), [(1, 2), (3, 7), (30, 40)])
def test_in_some_cells_the_nearest_of_all_points_in_them_are_found(n_cells, n_neighbors):
    rng = np.random.default_rng(0)
    x, queries = (rng.normal(size=(n, 4)).astype(np.float32) + 9 for n in (900, 60))
    cells = approximate._Cells(x)
    distances, cell = cdist(queries, x), cdist(x, cells.centers).argmin(1)
    nearest_cells = cdist(queries, cells.centers).argsort(1)[:, :n_cells]
    found = cells.search(queries, n_neighbors, n_cells)
    for i in range(60):
        inside = np.flatnonzero(np.isin(cell, nearest_cells[i]))
        expected = inside[distances[i, inside].argsort()[:n_neighbors]]
        assert sorted(found[i]) == sorted(expected)


def test_what_is_not_found_is_said_in_a_warning(caplog):
    """Of 300 equal dimensions the first components tell little."""
    caplog.set_level("INFO", "fashion_mocluster")
    x = np.random.default_rng(0).normal(size=(4000, 300)).astype(np.float32)
    found, _ = approximate_neighbors(x, x, 11)
    true = NearestNeighbors(algorithm="brute").fit(x).kneighbors(x, 11)[1]
    shared = recall(true[:, 1:], found)
    assert shared < 0.9
    assert caplog.records[-1].levelname == "WARNING"
    assert said(caplog) == pytest.approx(shared, abs=0.03)


@pytest.mark.parametrize("dtype", [np.float16, np.uint8, np.float64])
def test_points_of_any_kind_of_number_are_compared_as_they_are(dtype):
    x = np.random.default_rng(0).integers(0, 256, (2000, 5)).astype(dtype)
    if dtype == np.float64:
        x += 1e8
    _, distances = approximate_neighbors(x, x, 6)
    true = cdist(x.astype(np.float64), x.astype(np.float64))
    true.sort(1)
    assert (np.abs(distances - true[:, :6]) < 1e-3).mean() > 0.94
    among = approximate_neighbors(x, x[:40].copy(), 1)[1]
    np.testing.assert_allclose(among, 0, atol=1e-3)


def test_where_many_points_are_copies_the_others_are_searched_alone(monkeypatch):
    x = np.repeat(np.random.default_rng(0).normal(size=(50, 3)), 4, axis=0)
    searched = []
    search = neighbors.search.__wrapped__
    monkeypatch.setattr(neighbors, "search", lambda x, k: searched.append(len(x)) or search(x, k))
    found, _ = nearest_in_rows(x, np.arange(0, 200, 4), 5)
    assert searched == [50]
    np.testing.assert_array_equal(found, nearest_neighbors(x[::4], 5)[0])


def test_what_is_said_to_be_found_is_found_by_other_queries_too(monkeypatch, caplog):
    """Points by which cells were made find their neighbors more often."""
    caplog.set_level("INFO", "fashion_mocluster")
    monkeypatch.setattr(approximate, "POINTS_OF_CELL", 1)
    monkeypatch.setattr(approximate, "MEASURED_QUERIES", 140)
    monkeypatch.setattr(approximate, "LOOKED_INTO", (1,))
    x = np.random.default_rng(0).normal(size=(20_000, 8)).astype(np.float32)
    found, _ = approximate_neighbors(x, x, 11)
    some = np.random.default_rng(5).permutation(20_000)[:1500]
    true = NearestNeighbors(algorithm="brute").fit(x).kneighbors(x[some], 11)[1]
    assert said(caplog) == pytest.approx(recall(true[:, 1:], found[some]), abs=0.1)


def test_copies_among_very_many_points_are_found_or_it_is_said(monkeypatch, caplog):
    """Copies are in one cell, and there are fewer cells than asked for."""
    caplog.set_level("INFO", "fashion_mocluster")
    monkeypatch.setattr(neighbors, "ALL_PAIRS", 500)
    neighbors.search.cache_clear()
    x = np.random.default_rng(0).normal(size=(20, 6))[np.arange(2000) % 20]
    found, _ = nearest_neighbors(x, 5)
    assert not (found == np.arange(2000)[:, None]).any()
    assert (found >= 0).all()
    copies = (found % 20 == np.arange(2000)[:, None] % 20).mean()
    assert copies > 0.8
    if copies < 0.94:
        assert "WARNING" in caplog.text


def test_the_number_of_threads_changes_no_approximate_neighbors(monkeypatch):
    monkeypatch.setattr(approximate, "SHARED", 1000)
    x = np.random.default_rng(0).normal(size=(2000, 16)).astype(np.float32)
    results = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            results.append(approximate_neighbors(x, x, 6))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    with pytest.raises(ValueError, match="NaN"):
        approximate_neighbors(x * np.nan, x, 6)


def test_distinct_points_keep_their_order():
    x = np.array([[2.0, 1], [0, 0], [2, 1], [1, 5], [0, 0]])
    points, copy_of = distinct_points(x)
    np.testing.assert_array_equal(points, [[2, 1], [0, 0], [1, 5]])
    np.testing.assert_array_equal(copy_of, [0, 1, 0, 2, 1])


@pytest.mark.parametrize("count", [6, 2000])
def test_a_point_is_not_its_own_neighbor_even_among_duplicates(count):
    indices, distances = nearest_neighbors(np.full((count, 2), 3.0), 3)
    assert not (indices == np.arange(count)[:, None]).any()
    assert (np.diff(np.sort(indices)) > 0).all()
    np.testing.assert_array_equal(distances, 0)


@pytest.mark.parametrize("k", [0, 6])
def test_impossible_numbers_are_refused(k):
    with pytest.raises(ValueError, match="n_neighbors must be 1 to 5"):
        nearest_neighbors(np.zeros((6, 2)), k)


def test_graph_is_that_of_scikit_learn():
    x = np.random.default_rng(0).normal(size=(60, 3))
    expected = kneighbors_graph(x, 7, include_self=False)
    np.testing.assert_array_equal(neighbor_graph(x, 7).toarray(), expected.toarray())


@pytest.mark.parametrize("count", [1, 3])
def test_graph_of_few_points_is_complete(count):
    x = np.eye(count)
    np.testing.assert_array_equal(neighbor_graph(x, 10).toarray(), 1 - np.eye(count))
