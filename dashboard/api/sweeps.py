"""Sweeps over HTTP: begin one, see its trials and what came of them, pause, resume and stop it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from core.config import ConfigError, TrainingConfig, by_name
from core.runs import ID
from core.services import Services
from core.sweeps import Sweep, tpe
from core.sweeps.halving import Halving
from core.sweeps.plan import MOST_MINUTES, MOST_TRIALS, plan_of
from core.sweeps.results import read_trials
from core.sweeps.sweep import DAMAGED, STATES
from core.sweeps.words import sentences
from dashboard.api.predict import in_worker_thread
from dashboard.api.routes import (
    BODY,
    WRITING,
    Served,
    dataset_for_report,
    number_of_classes,
    problems,
    report_file,
    settings_of,
)
from dashboard.api.schemas import EXAMPLE_ID, Fraction, NewRun, ReportBy

EXAMPLE_SWEEP = "20261127-072954-c1d8"
TRIED = {"learning_rate": [0.01, 0.001], "seed": [0, 1, 2]}

CHANGING = {**WRITING, "tags": ["Sweeps"]}

router = APIRouter()


class Rungs(BaseModel):
    """Successive halving: after `first`, `first`·`factor` … epochs only the best 1/`factor` of the trials go on."""

    model_config = ConfigDict(extra="forbid")

    factor: int = Field(Halving.factor, ge=2, le=5, description="One of so many goes on.")
    first: int = Field(Halving.first, ge=1, le=100, description="The epochs after which trials are judged first.")


class NewSweep(BaseModel):
    """What a sweep tries."""

    model_config = ConfigDict(extra="forbid")

    settings: NewRun = Field(NewRun(), description="The settings of all trials, as POST /runs takes them.")
    values: dict[str, list[Any]] = Field(
        description="The values of each setting that differs, by its name in `settings`.",
        min_length=1,
        examples=[TRIED],
    )
    random: int | None = Field(None, ge=1, le=MOST_TRIALS, description="So many combinations at random; null is all.")
    tpe: int | None = Field(None, ge=1, le=MOST_TRIALS, description="So many trials, chosen by Optuna's TPE.")
    minutes: float | None = Field(
        None, gt=0, le=MOST_MINUTES, description="When they are over, no trial begins; null is never."
    )
    stop_weak: Rungs | None = Field(None, description="Stop weak trials early; null trains all to their end.")
    name: str | None = Field(None, max_length=60, description="The sweep's name; by default what differs.")


class Budget(BaseModel):
    """How much a sweep may try; what is null stays."""

    model_config = ConfigDict(extra="forbid")

    trials: int | None = Field(None, ge=1, le=MOST_TRIALS, description="In all, where they are drawn at random.")
    minutes: float | None = Field(None, ge=0, le=MOST_MINUTES, description="In all; 0 is no limit.")


class TrialInfo(BaseModel):
    """A trial that was begun."""

    number: int = Field(description="From 0, in the order of the sweep.", examples=[0])
    run: str = Field(description="The id of its run.", examples=[EXAMPLE_ID])
    name: str = Field(description="What differs in it.", examples=["lr 0.01 · seed 2"])
    state: str = Field(description="The state of its run.", examples=["finished"])
    values: dict[str, Any] = Field(description="The settings in which it differs.")
    validation_accuracy: Fraction | None = Field(description="Null until it has ended.", examples=[0.971])
    stopped_early: bool = Field(description="Whether the sweep stopped it early, so that it does not count.")


class SweepInfo(BaseModel):
    """A sweep in short."""

    id: str = Field(description="The sweep's name in addresses.", examples=[EXAMPLE_SWEEP])
    name: str = Field(description="The sweep's name on the pages.", examples=["Dense: learning rate, seed"])
    state: Literal[*STATES, DAMAGED] = Field(description="Its state.", examples=["active"])
    message: str = Field(description="More about the state; empty where there is nothing to add.", examples=[""])
    trials: int = Field(description="How many trials it has; 0 where it is damaged.", examples=[9])
    minutes: float | None = Field(description="When they are over, no trial begins; null is never.", examples=[60.0])
    seconds: float = Field(description="For how long it was going on, without pauses.", examples=[312.5])


class SweepDetails(SweepInfo):
    """A sweep with its trials, and what came of them."""

    begun: list[TrialInfo] = Field(description="The trials that were begun, in order.")
    findings: list[str] = Field(description="Which is best, how sure that is, and what mattered, in sentences.")


def find_sweep(
    services: Served,
    sweep_id: Annotated[str, Path(pattern=f"^{ID.pattern}$", description="A sweep's id.", examples=[EXAMPLE_SWEEP])],
) -> Sweep:
    """The sweep with this id; 404 where there is none."""
    sweep = services.sweeps.get(sweep_id)
    if sweep is None:
        raise HTTPException(404, f"Sweep {sweep_id} was not found. GET /api/sweeps lists all sweeps.")
    return sweep


StoredSweep = Annotated[Sweep, Depends(find_sweep)]


@router.get("/sweeps", tags=["Sweeps"], responses=problems(422))
def list_sweeps(services: Served, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[SweepInfo]:
    """List the sweeps, newest first."""
    return [SweepInfo(**_info(sweep)) for sweep in services.sweeps.sweeps()[:limit]]


@router.get("/sweeps/{sweep_id}", tags=["Sweeps"], responses=problems(404, 422))
def get_sweep(sweep: StoredSweep) -> SweepDetails:
    """Show a sweep with its trials, and what came of them."""
    return _details(sweep)


@router.get(
    "/sweeps/{sweep_id}/report", tags=["Sweeps"], response_class=HTMLResponse, responses=problems(404, 409, 422, 503)
)
async def get_report(services: Served, sweep: StoredSweep, author: Annotated[ReportBy, Query()]) -> Response:
    """Get a report of a sweep as one HTML file that loads nothing from elsewhere."""
    return await in_worker_thread(_report, services, sweep, author)


@router.post("/sweeps", status_code=201, responses=problems(400, 401, 422, *BODY), **CHANGING)
def start_sweep(services: Served, wanted: NewSweep) -> SweepDetails:
    """Begin a sweep: a run for each combination of the values, one after the other."""
    settings = settings_of(services, wanted.settings.model_dump(exclude_unset=True, exclude={"name"}))
    classes = number_of_classes(services, settings.get("dataset", ""))
    base = TrainingConfig.from_dict({**settings, "classes": classes})
    if unknown := set(wanted.values) - set(NewRun.model_fields) | set(wanted.values) & {
        "name",
        "start_from",
        "classes",
    }:
        raise ConfigError(f"values: {sorted(unknown)[0]!r} is no setting that can differ.")
    space = {name: _distinct(name, values) for name, values in wanted.values.items()}
    halving = Halving(**wanted.stop_weak.model_dump()) if wanted.stop_weak else None
    others = {"minutes": wanted.minutes, "halving": halving}
    name = wanted.name or f"{base.title}: {', '.join(space).replace('_', ' ')}"
    if wanted.tpe:
        plan = tpe.plan_of(base, space, wanted.tpe, name, **others)
    else:
        plan = plan_of(base, space, wanted.random, name, **others)
    return _details(services.sweeps.create(plan))


@router.post(
    "/sweeps/{sweep_id}/budget", status_code=202, responses=problems(400, 401, 404, 409, 422, *BODY), **CHANGING
)
def set_budget(sweep: StoredSweep, budget: Budget) -> SweepDetails:
    """Give it more trials or other minutes, and go on."""
    sweep.set_budget(budget.trials, budget.minutes)
    return _details(sweep)


@router.post("/sweeps/{sweep_id}/pause", status_code=202, responses=problems(401, 404, 409, 422, *BODY), **CHANGING)
def pause_sweep(sweep: StoredSweep) -> SweepDetails:
    """Begin no more trials, and pause those in training."""
    sweep.pause()
    return _details(sweep)


@router.post("/sweeps/{sweep_id}/resume", status_code=202, responses=problems(401, 404, 409, 422, *BODY), **CHANGING)
def resume_sweep(sweep: StoredSweep) -> SweepDetails:
    """Go on where it was paused or stopped."""
    sweep.resume()
    return _details(sweep)


@router.post("/sweeps/{sweep_id}/stop", status_code=202, responses=problems(401, 404, 409, 422, *BODY), **CHANGING)
def stop_sweep(sweep: StoredSweep) -> SweepDetails:
    """Begin no more trials, and stop those in training with what they have learned."""
    sweep.stop()
    return _details(sweep)


def _report(services: Services, sweep: Sweep, by: ReportBy) -> Response:
    from core.report import Author, sweep_report  # which few ask for

    dataset = dataset_for_report(services, sweep.plan.base.dataset if sweep.plan else "")
    return report_file(sweep_report(sweep, dataset, Author(by.name, by.words)), sweep.id)


def _distinct(name: str, values: list) -> tuple:
    """Each value once, as `TrainingConfig` takes it; raises ConfigError where there is none."""
    if not values:
        raise ConfigError(f"values: {name} needs at least one value.")
    if len(values) > MOST_TRIALS:
        raise ConfigError(f"values: {name}: a sweep has 1 to {MOST_TRIALS:,} trials, not {len(values):,}.")
    named = [by_name({name: value})[name] for value in values]
    found: list = []
    for value in [tuple(value) if isinstance(value, list) else value for value in named]:
        if value not in found:
            found.append(value)
    return tuple(found)


def _info(sweep: Sweep) -> dict:
    plan, state = sweep.plan, sweep.state
    return {
        "id": sweep.id,
        "name": sweep.name,
        "state": state.name,
        "message": state.message,
        "trials": plan.count if plan else 0,
        "minutes": plan.minutes if plan else None,
        "seconds": round(sweep.seconds, 1),
    }


def _details(sweep: Sweep) -> SweepDetails:
    trials = read_trials(sweep)
    said = sentences(sweep.plan, trials) if sweep.plan else []
    begun = [
        TrialInfo(
            number=trial.number,
            run=trial.run.id,
            name=trial.name,
            state=trial.state,
            values=dict(trial.point),
            validation_accuracy=trial.early if trial.accuracy is None else trial.accuracy,
            stopped_early=trial.early is not None,
        )
        for trial in trials
    ]
    return SweepDetails(**_info(sweep), begun=begun, findings=[words.replace("**", "") for words in said])
