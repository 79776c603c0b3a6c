"""`core.interpretability.saliency` against networks whose reasons are known, plain loops and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from core.interpretability.neighbours import nearest
from core.interpretability.saliency import AGAINST, FOR, occlusion_map, overlay


class Looker:
    """Gives digit 3 the mean brightness of a region as its probability, and digit 7 the rest."""

    def __init__(self, region):
        self.region = region
        self.read = 0

    def probabilities(self, images):
        self.read += len(images)
        rows = np.zeros((len(images), 10), np.float32)
        rows[:, 3] = images[:, *self.region].mean(axis=(1, 2)) / 255
        rows[:, 7] = 1 - rows[:, 3]
        return rows


CORNER = (slice(0, 6), slice(0, 6))
EVERYWHERE = (slice(0, 28), slice(0, 28))


def noise(seed=0):
    return np.random.default_rng(seed).integers(1, 256, (28, 28), dtype=np.uint8)


@pytest.mark.parametrize(("patch", "stride"), [(1, 1), (3, 1), (5, 2), (4, 4), (7, 3)])
def test_a_network_that_looks_at_one_corner_has_its_map_only_there(patch, stride):
    effect = occlusion_map(Looker(CORNER), noise(), 3, patch=patch, stride=stride)
    assert (effect[:6, :6] > 0).all()
    reach = 6 + patch - 1  # a patch that touches the corner reaches this far
    effect[:reach, :reach] = 0
    assert (effect == 0).all()


@pytest.mark.parametrize(("patch", "stride"), [(1, 1), (5, 2), (28, 28), (9, 4)])
def test_the_map_is_that_of_a_plain_loop(patch, stride):
    image, network = noise(1), Looker(CORNER)
    starts = [start for start in range(28) if start + patch <= 28 and (start % stride == 0 or start + patch == 28)]
    losses = [[[] for _ in range(28)] for _ in range(28)]
    before = network.probabilities(image[None])[0, 3]
    for top in starts:
        for left in starts:
            blanked = image.copy()
            blanked[top : top + patch, left : left + patch] = 0
            lost = float(before) - float(network.probabilities(blanked[None])[0, 3])
            for y in range(top, top + patch):
                for x in range(left, left + patch):
                    losses[y][x].append(lost)
    expected = [[np.mean(values) for values in row] for row in losses]
    np.testing.assert_allclose(occlusion_map(network, image, 3, patch=patch, stride=stride), expected, atol=1e-12)


def test_one_pixel_patches_share_out_a_linear_network_s_whole_probability():
    image = noise(2)
    effect = occlusion_map(Looker(EVERYWHERE), image, 3, patch=1, stride=1)
    assert effect.sum() == pytest.approx(image.mean() / 255, rel=1e-3)
    np.testing.assert_allclose(effect, image / 255 / 784, atol=1e-6)


def test_what_one_digit_loses_the_only_other_one_gains():
    for_three, for_seven = (occlusion_map(Looker(EVERYWHERE), noise(3), digit) for digit in (3, 7))
    np.testing.assert_allclose(for_three, -for_seven, atol=1e-6)


def test_patches_without_ink_are_not_read():
    image, network = np.zeros((28, 28), np.uint8), Looker(EVERYWHERE)
    assert (occlusion_map(network, image, 3) == 0).all()
    assert network.read == 1
    image[14, 14] = 255
    occlusion_map(network, image, 3, patch=5, stride=5)
    assert network.read < 10


@pytest.mark.parametrize(
    ("image", "digit", "options", "words"),
    [
        (np.zeros((28, 28)), 3, {}, "uint8"),
        (np.zeros((1, 28, 28), np.uint8), 3, {}, r"\(1, 28, 28\)"),
        (noise(), 10, {}, "digit"),
        (noise(), 3, {"patch": 3, "stride": 4}, "stride"),
        (noise(), 3, {"patch": 29}, "patch"),
        (noise(), 3, {"patch": 0, "stride": 0}, "patch"),
    ],
)
def test_what_does_not_fit_is_refused(image, digit, options, words):
    with pytest.raises(ValueError, match=words):
        occlusion_map(Looker(CORNER), image, digit, **options)


def test_the_overlay_colours_for_and_against_and_leaves_the_rest_as_it_is():
    image = np.zeros((28, 28), np.uint8)
    image[5:20, 5:20] = 255
    effect = np.zeros((28, 28))
    effect[6, 6], effect[7, 7] = 0.8, -0.8
    picture = overlay(image, effect, times=3)
    assert picture.shape == (84, 84, 3)
    np.testing.assert_allclose(picture[18, 18], 0.1 * 255 + 0.9 * np.array(FOR), atol=1)
    np.testing.assert_allclose(picture[21, 21], 0.1 * 255 + 0.9 * np.array(AGAINST), atol=1)
    assert (picture[::3, ::3][effect == 0] == image[effect == 0][:, None]).all()


def test_an_effect_too_small_to_matter_is_not_blown_up():
    image = noise(4)
    assert (overlay(image, np.full((28, 28), 1e-4), times=1) == image[..., None]).all()


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.integers(1, 16),
    st.integers(1, 12),
)
def test_nearest_agrees_with_scikit_learn(seed, n, width, k):
    random = np.random.default_rng(seed)
    train, image = random.normal(size=(n, width)).astype(np.float32), random.normal(size=width).astype(np.float32)
    indices, distances = nearest(train, image, k)
    oracle = NearestNeighbors(n_neighbors=min(k, n), algorithm="brute").fit(train.astype(np.float64))
    expected, expected_indices = oracle.kneighbors(image[None].astype(np.float64))
    np.testing.assert_allclose(distances, expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        np.linalg.norm(train[indices] - image, axis=1), np.linalg.norm(train[expected_indices[0]] - image, axis=1), 1e-4
    )


def test_an_image_of_the_training_set_is_its_own_nearest_and_ties_go_by_index():
    train = np.array([[1, 0], [0, 1], [0, 0], [-1, 0], [0, -1], [9, 9]], np.float32)
    indices, distances = nearest(train, train[2], 3)
    assert indices.tolist() == [2, 0, 1]
    assert distances.tolist() == [0, 1, 1]


def test_moving_everything_moves_no_neighbour():
    random = np.random.default_rng(5)
    train, image = random.normal(size=(50, 4)), random.normal(size=4)
    assert nearest(train, image, 9)[0].tolist() == nearest(train + 3, image + 3, 9)[0].tolist()


def test_nearest_takes_what_there_is_and_refuses_what_does_not_fit():
    assert len(nearest(np.zeros((0, 3)), np.zeros(3), 5)[0]) == 0
    assert len(nearest(np.zeros((2, 3)), np.zeros(3), 5)[0]) == 2
    with pytest.raises(ValueError, match=r"\(n, d\)"):
        nearest(np.zeros((2, 3)), np.zeros(4), 1)
    with pytest.raises(ValueError, match="k must be"):
        nearest(np.zeros((2, 3)), np.zeros(3), 0)
