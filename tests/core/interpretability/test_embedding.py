"""`core.interpretability.embedding` against scikit-learn, and the laws of its sample."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from core.interpretability import embedding
from core.interpretability.embedding import TsneMap
from core.runs.files import TSNE


def test_pca_is_the_one_of_scikit_learn_up_to_signs():
    hidden = np.random.default_rng(0).normal(size=(300, 12)) @ np.diag(np.arange(1, 13)) + 5
    found, oracle = embedding.pca(hidden.astype(np.float32)), PCA(2).fit(hidden)
    np.testing.assert_allclose(found.explained, oracle.explained_variance_ratio_, rtol=1e-4)
    np.testing.assert_allclose(np.abs(found.points), np.abs(oracle.transform(hidden)), rtol=1e-3, atol=1e-3)
    assert found.dimensions == 12
    np.testing.assert_array_equal(found.points, embedding.pca(hidden.astype(np.float32)).points)


@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (5, 1), (3, 3)])
def test_pca_of_next_to_nothing_is_finite(shape):
    found = embedding.pca(np.ones(shape, np.float32))
    assert found.points.shape == (shape[0], 2)
    assert np.isfinite(found.points).all()
    assert found.explained == (0, 0)


def test_images_that_the_network_sees_alike_have_no_map():
    hidden = np.ones((400, 8)) + 1e-7 * np.random.default_rng(3).random((400, 8))
    hidden[7] = 20  # one image that differs
    assert embedding.all_alike(hidden)
    assert embedding.all_alike(np.zeros((5, 8)))
    assert embedding.all_alike(np.zeros((0, 8)))
    assert not embedding.all_alike(np.repeat(np.eye(2, 8), 200, axis=0))
    with pytest.raises(ValueError, match="no map"):
        embedding.tsne(hidden)


def test_a_sample_has_all_mistakes_and_others_by_chance():
    right = np.random.default_rng(1).random(10_000) > 0.02
    chosen = embedding.sample(right)
    assert len(chosen) == len(set(chosen.tolist())) == embedding.SAMPLE
    assert set(np.flatnonzero(~right)) <= set(chosen.tolist())
    np.testing.assert_array_equal(chosen, embedding.sample(right))
    np.testing.assert_array_equal(embedding.sample(right[:50]), np.arange(50))
    mostly_wrong = embedding.sample(~right)
    assert len(mostly_wrong) == embedding.SAMPLE
    assert 0.9 < right[mostly_wrong].mean() < 1  # as the run is: 2 % right


def test_tsne_keeps_neighbours_together_and_tells_how_far_it_is():
    random = np.random.default_rng(2)
    groups = np.repeat(np.arange(3), 20)
    done = []
    points = embedding.tsne(random.normal(size=(60, 8)) + 20 * np.eye(3, 8)[groups], done.append)
    assert done == sorted(done)
    assert done[0] < done[-1] <= embedding.ITERATIONS
    near = NearestNeighbors(n_neighbors=2).fit(points).kneighbors(return_distance=False)
    assert (groups[near] == groups[:, np.newaxis]).all()
    with pytest.raises(ValueError, match="four images"):
        embedding.tsne(np.zeros((3, 8)))


def test_a_map_is_kept_and_a_damaged_one_is_none(make_run):
    run = make_run()
    assert embedding.load_tsne(run) is None
    kept = TsneMap("model", "dataset", np.array([3, 8]), np.array([[0, 1], [2, 3]], np.float32))
    kept.save(run)
    found = embedding.load_tsne(run)
    assert not found.stale("model", "dataset")
    assert "model has changed" in found.stale("another", "dataset")
    np.testing.assert_array_equal(found.points, kept.points)
    path = run.path / TSNE
    path.write_bytes(path.read_bytes()[:200])
    assert embedding.load_tsne(run) is None
    for indices, points in (([1, 1], np.zeros((2, 2))), ([1], np.zeros((2, 2))), ([1, 2], np.full((2, 2), np.nan))):
        TsneMap("model", "dataset", np.array(indices), points).save(run)
        assert embedding.load_tsne(run) is None
