"""How long a run will take, from runs that were trained here."""

from core.config import TrainingConfig
from core.runs.estimate import expected_seconds


class Ended:
    """What the estimate reads of a run."""

    def __init__(self, config, seconds, images=1000, *, imported=None):
        self.config, self.imported = config, imported or {}
        self.summary = {"training_seconds": seconds, "training_images": images, "epochs": config.epochs}


DENSE = TrainingConfig(model="dense", epochs=10)


def test_the_time_grows_with_epochs_and_images():
    runs = [Ended(DENSE, 5.0)]  # 0.5 ms an image
    assert expected_seconds(TrainingConfig(model="dense", epochs=20), 4000, runs) == 40.0


def test_only_runs_of_the_same_network_on_this_machine_count():
    wider = TrainingConfig(model="dense", hidden_layers=(512,))
    augmented = TrainingConfig(model="dense", augment=True)
    runs = [
        Ended(TrainingConfig(), 9.0),
        Ended(wider, 9.0),
        Ended(augmented, 9.0),
        Ended(DENSE, 9.0, imported={"file": "x"}),
    ]
    assert expected_seconds(DENSE, 1000, runs) is None
    runs[0].summary = None
    assert expected_seconds(TrainingConfig(), 1000, runs) is None


def test_a_run_with_the_same_batch_size_counts_before_a_newer_one_with_another():
    large = TrainingConfig(model="dense", epochs=10, batch_size=512)
    assert expected_seconds(DENSE, 1000, [Ended(large, 1.0), Ended(DENSE, 5.0)]) == 5.0
    assert expected_seconds(DENSE, 1000, [Ended(large, 1.0)]) == 1.0
