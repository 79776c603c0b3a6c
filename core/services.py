"""What the threads of one server process share: pages, requests of the HTTP API and the launcher."""

from __future__ import annotations

from pathlib import Path

from core.compute.after_training import AfterTraining
from core.compute.cluster_launcher import make_launcher
from core.compute.job import Jobs
from core.compute.queue import Queue
from core.data import DatasetError
from core.data.kept import Datasets, KeptDataset
from core.data.loader import DatasetLoader
from core.inference.answer import LoadedModels
from core.learners import forget_learner, learner_of
from core.people import Owner, People, Person, deed
from core.people.codes import Codes
from core.runs import NotYoursError, Run, RunError, RunStore
from core.runs.run import refuse_strangers
from core.sweeps.coordinators import Coordinators
from core.sweeps.sweep import ACTIVE, SweepStore


class Services:
    """One of each, made by whoever serves and handed to all who answer.

    Nothing is loaded and no process is started until it is needed.

    Attributes:
        store: the runs.
        people: who works here, where a class shares the server.
        codes: by which they are let in again.
        queue: which of them are queued or in training.
        dataset_loader: the dataset in use, loading from its first use.
        datasets: those that were added besides.
        models: the runs' exported models, as `LoadedModels` keeps them.
        jobs: the background jobs.
        launcher: starts workers for queued runs, once it is started.
        sweeps: the sweeps.
        coordinators: starts what begins the trials of active sweeps, once it is started.
        after_training: does jobs by itself while nothing trains, once it is started.
    """

    def __init__(self, home: Path | str | None = None) -> None:
        self.store = RunStore(home)
        self.people = People(self.store.home)
        self.codes = Codes(self.people)
        self.queue = Queue(self.store)
        self.dataset_loader = DatasetLoader()
        self.datasets = Datasets(self.store.home)
        self.models = LoadedModels()
        self.jobs = Jobs()
        self.launcher = make_launcher(self.store)
        self.sweeps = SweepStore(self.store)
        self.coordinators = Coordinators(self.sweeps)
        self.after_training = AfterTraining(self.queue, self.jobs)

    @deed("deleted")
    def delete_run(self, run: Run) -> None:
        """Delete a run and do none of its jobs; one that trains is stopped, and goes once its worker has ended.

        Raises:
            NotYoursError: where who acts may not change it.
            OSError: where it cannot be removed.
        """
        run.check_yours()  # before its jobs are dropped
        self.after_training.drop(run)
        try:
            self.store.delete(run)
        except NotYoursError:
            raise
        except RunError:  # a worker is at it
            run.discard()

    def remove_dataset(self, kept: KeptDataset) -> None:
        """Remove a dataset that was added; runs that were trained on it stay, and say that it is gone.

        Raises:
            DatasetError: where who acts may not, or a run that is queued or in training needs it.
            OSError: where it cannot be removed.
        """
        needs = [
            run.name for run in self.store.runs() if run.state.is_active and run.wanted_dataset == kept.fingerprint
        ]
        for sweep in self.sweeps.sweeps():
            if sweep.state.name == ACTIVE and sweep.plan and sweep.plan.base.dataset == kept.fingerprint:
                needs.append(sweep.name)
        if needs:
            raise DatasetError(f"{needs[0]} is trained on {kept.name} now. Stop it, or wait for its end.")
        self.datasets.remove(kept)

    def delete_all_of(self, person: Person) -> None:
        """Delete a person's sweeps and runs, what they have done of the lessons, their digits, and their name.

        Datasets with their writing go too.

        Raises:
            NotYoursError: where who acts is another, and no teacher.
            OSError: where something cannot be removed; the name is there until all else is gone.
        """
        refuse_strangers(Owner(person.id, person.name), person.name)
        for sweep in self.sweeps.of(person.id):
            self.sweeps.delete(sweep)
        for run in self.store.of(person.id):
            self.delete_run(run)
        for kept in self.datasets.all():
            if person.id in kept.writers:
                self.datasets.remove(kept)
        forget_learner(self.store.home, learner_of(person.id))
        self.people.remove(person)
