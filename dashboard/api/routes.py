"""The operations of the HTTP API: thin functions over `core`, which the pages use too."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response, Security
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from core.config import ConfigError, TrainingConfig, by_name, check_named
from core.data import Dataset, DatasetError
from core.data.classes import DIGITS
from core.data.kept import KeptDataset
from core.evaluation import predictions, selection
from core.evaluation.selection import Filter
from core.runs import ID, NotYoursError, Run, RunError, RunView
from core.runs.starter import Starter
from core.services import Services
from dashboard.api import events
from dashboard.api.errors import MEDIA_TYPE, Problem
from dashboard.api.predict import PICTURES, answer_body, in_worker_thread, read_body
from dashboard.api.schemas import (
    EXAMPLE_ID,
    Answers,
    DatasetInfo,
    Health,
    NewRun,
    Pixels,
    PredictionFilter,
    ReportBy,
    RunDetails,
    RunInfo,
    RunReport,
    Runs,
    TestPrediction,
    TestPredictions,
)


def problems(*statuses: int) -> dict:
    """The failures of an operation, for the documentation."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"model": Problem, "content": content} for status in (403, *statuses)}


BODY = (408, 413, 415, 503)  # failures of any operation with a body
TOKEN = Security(HTTPBearer(auto_error=False, description="The value of DIGITLAB_API_TOKEN."))  # the guard checks it
WRITING = {"dependencies": [TOKEN], "tags": ["Training"]}

router = APIRouter()
DEFAULT_DATASET = "default"  # names the one in use


def served(request: Request) -> Services:
    """What the server shares."""
    return request.app.state.services


Served = Annotated[Services, Depends(served)]


def find_run(
    services: Served,
    run_id: Annotated[str, Path(pattern=f"^{ID.pattern}$", description="A run's id.", examples=[EXAMPLE_ID])],
) -> RunView:
    """The run with this id, also the starter; 404 where there is none."""
    starter = Starter()
    run = services.store.get(run_id) or (starter if run_id == starter.id and starter.is_whole else None)
    if run is None:
        raise HTTPException(404, f"Run {run_id} was not found. GET /api/runs lists all runs.")
    return run


StoredRun = Annotated[RunView, Depends(find_run)]


@router.get("/health", tags=["Server"], responses=problems())
async def health() -> Health:
    """Say that the server answers."""
    return Health()


@router.get("/runs", tags=["Runs"], responses=problems(422))
def list_runs(
    services: Served,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Runs:
    """List the runs, newest first; the shipped starter is the last."""
    starter = Starter()
    runs = [*services.store.runs(), *([starter] if starter.is_whole else [])]
    return Runs(total=len(runs), runs=[RunInfo(**_info(run)) for run in runs[offset : offset + limit]])


@router.get("/runs/{run_id}", tags=["Runs"], responses=problems(404, 422))
def get_run(run: StoredRun) -> RunDetails:
    """Show a run with its settings, epochs and results."""
    return _details(run)


@router.get("/datasets", tags=["Runs"], responses=problems(503))
def list_datasets(services: Served) -> list[DatasetInfo]:
    """List the datasets that runs can be trained on: the one in use first, which a run need not name."""
    used = _dataset_in_use(services)
    train, test = (np.bincount(some, minlength=len(used.classes)).tolist() for some in (used.y_train, used.y_test))
    first = DatasetInfo(in_use=True, **{**_public(used), "train": train, "test": test})
    others = (kept for kept in services.datasets.all() if kept.fingerprint != used.fingerprint)
    return [first, *(DatasetInfo(in_use=False, **_public(kept)) for kept in others)]


def _public(kept: KeptDataset | Dataset) -> dict:
    names = ("fingerprint", "name", "source", "classes", "train", "test")
    return {name: getattr(kept, name) for name in names if hasattr(kept, name)}


@router.post(
    "/runs/{run_id}/predict",
    tags=["Prediction"],
    responses=problems(400, 404, 409, 422, *BODY),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in PICTURES},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"picture": {"type": "string", "format": "binary"}},
                        "required": ["picture"],
                    }
                },
                "application/json": {"schema": Pixels.model_json_schema()},
            },
        }
    },
)
async def predict(services: Served, run: StoredRun, request: Request) -> Answers:
    """Read a digit.

    A picture (PNG, JPEG, WebP) of a drawing or a photo is brought to MNIST's form first, as on the Draw page; pixels
    are read as they are, up to 1,000 images at once.
    """
    return await in_worker_thread(answer_body, services.models, run, *await read_body(request))


@router.get("/runs/{run_id}/predictions", tags=["Prediction"], responses=problems(404, 409, 422, 503))
async def get_predictions(
    services: Served, run: StoredRun, wanted: Annotated[PredictionFilter, Query()]
) -> TestPredictions:
    """List a run's predictions for the test images, as the Predictions page shows them."""
    return await in_worker_thread(_predictions, services, run, wanted)


@router.get("/runs/{run_id}/report", tags=["Runs"], response_class=HTMLResponse, responses=problems(404, 409, 422, 503))
async def get_report(services: Served, run: StoredRun, wanted: Annotated[RunReport, Query()]) -> Response:
    """Get a report of a run, or of two, as one HTML file that loads nothing from elsewhere."""
    other = find_run(services, wanted.beside) if wanted.beside else None
    return await in_worker_thread(_report, services, run, other, wanted)


@router.post("/runs", status_code=201, responses=problems(400, 401, 422, *BODY), **WRITING)
def start_run(services: Served, settings: NewRun, request: Request, response: Response) -> RunDetails:
    """Start a training run; it is queued while others train."""
    values = settings.model_dump(exclude_unset=True)
    name = values.pop("name", None)
    values = settings_of(services, values)
    config = TrainingConfig.from_dict({**values, "classes": number_of_classes(services, values.get("dataset", ""))})
    usual = TrainingConfig(model=config.model).as_dict()  # a run's own config names all settings
    check_named(config, [name for name, value in values.items() if value != usual[name]])
    if config.start_from and services.store.get(config.start_from) is None:
        raise HTTPException(422, f"start_from: run {config.start_from} was not found. GET /api/runs lists all runs.")
    try:
        run = services.store.create(config, name)
    except NotYoursError:
        raise
    except RunError as error:
        raise HTTPException(422, str(error)) from error
    response.headers["Location"] = f"{request.scope.get('root_path', '')}/runs/{run.id}"
    return _details(run)


@router.post("/runs/{run_id}/pause", status_code=202, responses=problems(401, 404, 409, 422, *BODY), **WRITING)
def pause_run(run: StoredRun) -> RunDetails:
    """Pause a run after it has written a checkpoint."""
    _active(run, "paused").pause()
    return _details(run)


@router.post("/runs/{run_id}/stop", status_code=202, responses=problems(401, 404, 409, 422, *BODY), **WRITING)
def stop_run(run: StoredRun) -> RunDetails:
    """Stop a run and save its model."""
    _active(run, "stopped").stop()
    return _details(run)


@router.post("/runs/{run_id}/resume", status_code=202, responses=problems(401, 404, 409, 422, *BODY), **WRITING)
def resume_run(
    run: StoredRun,
    more_epochs: Annotated[
        int | None, Query(ge=1, le=200, description="How many epochs to add to those completed.")
    ] = None,
) -> RunDetails:
    """Resume a run from its last checkpoint, or train it for more epochs."""
    own = _own(run)
    if more_epochs is None:
        own.resume()
    else:
        own.extend(more_epochs)
    return _details(run)


@router.get(
    "/runs/{run_id}/events",
    tags=["Runs"],
    response_class=Response,
    dependencies=[Depends(events.limit_watchers)],
    responses={200: events.DESCRIBED, **problems(404, 422, 503)},
)
async def watch_run(
    run: StoredRun,
    last_event_id: Annotated[str | None, Header(description="The last epoch that the client received.")] = None,
) -> Response:
    """Follow a run: events named state, epoch and progress whenever they change, then end.

    An epoch's event has the epoch as its id, so that a client that reconnects gets those it missed.
    """
    known = int(last_event_id) if (last_event_id or "").isdecimal() and len(last_event_id) < 9 else 0
    return events.event_stream(events.run_events(run, known))


def _report(services: Services, run: RunView, other: RunView | None, by: ReportBy) -> Response:
    from core.report import Author, comparison_report, run_report  # which few ask for

    dataset, author = dataset_for_report(services, run.wanted_dataset), Author(by.name, by.words)
    if other is None:
        return report_file(run_report(run, dataset, author), run.id)
    return report_file(comparison_report(run, other, dataset, author), f"{run.id}-{other.id}")


def dataset_for_report(services: Services, fingerprint: str) -> Dataset | None:
    """A dataset, None where none can be loaded: a report then has no images; 503 while it is loading."""
    try:
        return services.datasets.of(fingerprint, _dataset_in_use(services))
    except DatasetError:
        return None


def report_file(content: bytes, name: str) -> Response:
    """A report as a file to download, in which a browser runs nothing."""
    kept = f'attachment; filename="{name}-report.html"'
    return HTMLResponse(content, headers={"Content-Disposition": kept, "Content-Security-Policy": "sandbox"})


def _own(run: RunView) -> Run:
    """The run as one that can be trained, which the starter is not."""
    if not isinstance(run, Run):
        raise RunError("The starter cannot be trained. Start a run of your own.")
    return run


def _active(run: RunView, done: str) -> Run:
    """The run, where it trains or waits, as it does until it is `done`."""
    own, state = _own(run), run.state
    if run.too_new:
        raise RunError(run.too_new)
    if not state.is_active:
        raise RunError(f"A run that is {state.name} cannot be {done}. Only a queued or running run can.")
    return own


def _info(run: RunView) -> dict:
    state, config = run.state, run.config
    return {
        "id": run.id,
        "name": run.name,
        "model": config and config.model,
        "state": state.name,
        "message": state.message,
        "machine": state.machine,
        "target_epochs": state.target_epochs,
        "test_accuracy": run.test_accuracy,
        "reads": run.has_model,
    }


def _details(run: RunView) -> RunDetails:
    history, config = run.history(), run.config
    position = history.last_batch.get("position")
    return RunDetails(
        **_info(run),
        config=config and config.as_dict(),
        progress=position if isinstance(position, int | float) else len(history.epochs),
        epochs=[events.public_fields(epoch) for epoch in history.epochs],
        dataset=run.dataset,
        architecture=run.architecture,
        summary=run.summary,
    )


def _dataset_in_use(services: Services) -> Dataset:
    dataset = services.dataset_loader.outcome(1.0)
    if dataset is None:
        raise HTTPException(503, "The dataset is still loading. Try again shortly.", {"Retry-After": "2"})
    return dataset


def number_of_classes(services: Services, fingerprint: str) -> int:
    """How many classes the dataset has that a run names, ten where it is not known yet: its worker checks it."""
    try:
        used = services.datasets.get(str(fingerprint)) if fingerprint else services.dataset_loader.outcome(1.0)
    except DatasetError:
        used = None
    return len(used.classes if used else DIGITS)


def settings_of(services: Services, values: dict[str, Any]) -> dict[str, Any]:
    """The settings of a body by name, its dataset by its fingerprint, and without what follows from the dataset.

    Raises:
        ConfigError: where there is no such dataset.
    """
    found = by_name({name: value for name, value in values.items() if name != "classes"})
    if isinstance(found.get("dataset"), str):
        found["dataset"] = _named_dataset(services, found["dataset"])
    return found


def _named_dataset(services: Services, words: str) -> str:
    """The fingerprint of the dataset with this fingerprint or name; "" for the one in use.

    Raises:
        ConfigError: where there is none.
    """
    if not words or words.casefold() == DEFAULT_DATASET:
        return ""
    if kept := services.datasets.named(words):
        return kept.fingerprint
    raise ConfigError(f"There is no dataset {words!r}. GET /api/datasets lists all.")


def _predictions(services: Services, run: RunView, wanted: PredictionFilter) -> TestPredictions:
    dataset = services.datasets.of(run.wanted_dataset, _dataset_in_use(services))
    kept = run.predicted_epochs()
    if wanted.epoch is not None and wanted.epoch not in kept:
        epochs = f"Saved epochs: {', '.join(map(str, kept))}" if kept else "No single epochs are saved"
        raise HTTPException(404, f"The predictions after epoch {wanted.epoch} were not found. {epochs}.")
    reading = predictions.load_predictions(run, dataset, wanted.epoch)
    for name, number in {"label": wanted.label, "prediction": wanted.prediction}.items():
        if number is not None and number >= len(reading.classes):
            last = len(reading.classes) - 1
            raise HTTPException(422, f"{name}: This run reads 0 to {last}, not {number}.")
    show = {None: "All", True: "Mistakes", False: "Right"}[wanted.mistakes]
    passing = Filter(show=show, label=wanted.label, prediction=wanted.prediction, order="Index")
    found = selection.matching(reading, None, passing)
    return TestPredictions(
        run=run.id,
        epoch=reading.epoch,
        accuracy=reading.accuracy,
        total=len(found),
        predictions=[
            TestPrediction(
                index=i,
                label=int(reading.labels[i]),
                prediction=int(reading.predictions[i]),
                confidence=float(reading.confidence[i]),
                probabilities=reading.probabilities[i].tolist(),
            )
            for i in found[wanted.offset : wanted.offset + wanted.limit].tolist()
        ],
    )
