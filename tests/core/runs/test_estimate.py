"""How long a run will take, from runs that were trained here."""

import pytest

from core.config import TrainingConfig
from core.runs.estimate import expected_seconds, rough_seconds


class Ended:
    """What the estimate reads of a run."""

    path = "nowhere"

    def __init__(self, config, seconds, images=1000, *, imported=None, after=()):
        self.config, self.imported = config, imported or {}
        self.epochs = [{"training_seconds": time} for time in after]
        self.summary = {"training_seconds": seconds, "training_images": images, "epochs": config.epochs}

    def history(self):
        return self


DENSE = TrainingConfig(model="dense", epochs=10)


def test_the_time_grows_with_epochs_and_images():
    runs = [Ended(DENSE, 5.0)]  # 0.5 ms an image
    assert expected_seconds(TrainingConfig(model="dense", epochs=20), 2000, runs) == 20.0


def test_a_short_run_of_few_images_which_is_hardly_training_is_not_taken_at_its_word():
    few, many = Ended(DENSE, 20.0, 5_000), Ended(DENSE, 5.0, 55_000)  # 20 s while the machine did other work
    assert expected_seconds(DENSE, 55_000, [few, many]) == 5.0
    assert expected_seconds(DENSE, 55_000, [few]) == pytest.approx(3 * rough_seconds(DENSE, 55_000))
    assert expected_seconds(DENSE, 55_000, [few]) < 60


def test_what_is_compiled_once_is_not_counted_for_every_epoch():
    short = TrainingConfig(model="dense", epochs=2)
    runs = [Ended(short, 6.0, after=[5.0, 6.0])]  # 4 s to begin, and 1 s an epoch
    assert expected_seconds(DENSE, 1000, runs) == pytest.approx(4.0 + 10.0)


def test_another_network_is_scaled_by_its_multiplications_from_the_nearest_one():
    def dense(units):
        return TrainingConfig(network=f"flatten, dense {units}, tanh, output softmax")

    near, far = Ended(dense(200), 30.0), Ended(dense(40), 9.0)  # 10 epochs of 1,000 images
    work, other = (784 * units + units * 10 + 25 * (784 + units + units + 10) for units in (400, 200))
    wanted = 30.0 * work / other
    assert expected_seconds(dense(400), 1000, [far, near]) == pytest.approx(wanted)
    assert expected_seconds(dense(400), 2000, [far, near]) == pytest.approx(2 * wanted)


def test_where_there_is_no_ground_nothing_is_said():
    runs = [
        Ended(TrainingConfig(model="dense", augment=True), 9.0),
        Ended(DENSE, 9.0, imported={"file": "x"}),
        Ended(TrainingConfig("cnn"), 9.0),
        Ended(TrainingConfig(epochs=1), 9.0),
        Ended(TrainingConfig(network="flatten, dense 4000, dense 4000, output"), 9.0),
        Ended(DENSE, 9.0),
    ]
    runs[-1].summary = None
    assert expected_seconds(DENSE, 1000, runs) is None


def test_a_run_with_the_same_batch_size_counts_before_a_newer_one_with_another():
    large = TrainingConfig(model="dense", epochs=10, batch_size=512)
    assert expected_seconds(DENSE, 1000, [Ended(large, 1.0), Ended(DENSE, 5.0)]) == 5.0
    assert expected_seconds(DENSE, 1000, [Ended(large, 1.0)]) == 1.0


def test_a_rough_time_grows_with_the_work_and_is_minutes_for_the_widest_network():
    wide = "flatten, dense 4096, relu, dense 4096, relu, dense 4096, relu, output softmax"
    assert 60 < rough_seconds(TrainingConfig(network=wide, epochs=1), 60_000) < 300
    assert rough_seconds(TrainingConfig(epochs=20), 60_000) == 2 * rough_seconds(TrainingConfig(epochs=10), 60_000) < 10
