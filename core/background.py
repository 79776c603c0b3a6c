"""What takes longer than a page should, a process of its own: `python -m core.background RUN KIND`.

It reads the run's exported model, so only exporting to other formats needs TensorFlow, and leaves its result in the run
folder. How such a process is started and watched is in core.compute.job.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from core.compute.job import Report, Task, execute_once
from core.data import Dataset, DatasetError
from core.data.split import split
from core.export import verify
from core.home import absolute
from core.inference import ood
from core.interpretability import embedding
from core.leftovers import use_own_temporary_folder
from core.predictor import Predictor
from core.robustness import measure
from core.runs import Run
from core.terminal import command_line, exit_with


def measure_robustness(run: Run, predictor: Predictor, model: str, dataset: Dataset, report: Report) -> None:
    """Measure the accuracy under every change, and keep it in the run."""
    measure.measure(predictor, model, dataset, report).save(run)


def lay_out_map(run: Run, predictor: Predictor, model: str, dataset: Dataset, report: Report) -> None:
    """Lay out a sample of the test images by t-SNE, and keep it in the run."""
    outputs = predictor.outputs(dataset.x_test)
    indices = embedding.sample(outputs["probabilities"].argmax(axis=1) == dataset.y_test)
    words, steps = f"Laying out {len(indices):,} test images", embedding.ITERATIONS
    points = embedding.tsne(outputs["hidden"][indices], lambda iteration: report(iteration, steps, words))
    embedding.TsneMap(model, dataset.fingerprint, indices, points).save(run)


def read_validation(run: Run, predictor: Predictor, model: str, dataset: Dataset, report: Report) -> None:
    """Read the run's validation images, and keep what it says of them, as its worker does at the end."""
    if run.config is None or run.config.info.validates_on_test:
        raise DatasetError("This run has no validation images besides the test images.")
    report(0, 1, "Reading the validation images")
    images = split(dataset, run.config)
    run.write_validation(images.y_val, predictor.probabilities(images.x_val))


def learn_novelty(run: Run, predictor: Predictor, model: str, dataset: Dataset, report: Report) -> None:
    """Learn to tell digits from what is none, and keep it in the run."""
    if not dataset.is_digits:
        raise DatasetError(f"{dataset.name} has no digits: what is a drawing of its classes cannot be told.")
    report(0, 1, "Fitting the out-of-distribution detector")
    replace(ood.fit_for_run(run, predictor, dataset), model=model).save(run.path)


TASKS: dict[str, Task] = {
    "robustness": measure_robustness,
    "map": lay_out_map,
    "validation": read_validation,
    "novelty": learn_novelty,
    "export": verify.export_all,
}


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = command_line("python -m core.background", __doc__)
    parser.add_argument("run", type=absolute, help="a run folder")
    parser.add_argument("kind", choices=tuple(TASKS))
    options = parser.parse_args(arguments)
    run = Run(options.run)
    if run.unusable:
        print(run.unusable, file=sys.stderr)
        return 2
    if hasattr(os, "nice"):
        os.nice(10)  # the page comes first
    use_own_temporary_folder()
    return execute_once(run, options.kind, TASKS[options.kind])


if __name__ == "__main__":
    exit_with(main)
