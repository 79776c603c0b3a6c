"""Errors as RFC 9457 problem details, with the sentences that the pages show."""

from __future__ import annotations

import difflib
import json
from dataclasses import fields
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from core.config import ConfigError, TrainingConfig
from core.data import DatasetError
from core.drawing.upload import PictureError
from core.evaluation.predictions import PredictionsError
from core.predictor import ModelError, RuntimeMissing
from core.runs import NotYoursError, RunError
from core.storage import NO_SPACE, explain_os_error

MEDIA_TYPE = "application/problem+json"
MOST_CHARACTERS = 600  # of an error, which may repeat what was sent
STATUS = {
    NotYoursError: 403,
    RunError: 409,
    PredictionsError: 409,
    ModelError: 409,
    RuntimeMissing: 503,
    ConfigError: 422,
    PictureError: 422,
    DatasetError: 503,
}
WORDS = {
    404: "Not found. /api/docs lists all addresses.",
    405: "This address does not support the method. /api/docs lists those that it does.",
    500: "Internal error. The server's output has the details.",
}
UNREADABLE = (ValueError, RecursionError, MemoryError)  # raised by JSON that Python cannot parse
NO_OBJECT = "The body must be one JSON object, sent with Content-Type: application/json."


class Flaw(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="The place in the request.", examples=["body.epochs"])
    detail: str = Field(description="What is wrong there.")


class Problem(BaseModel):
    """Why a request failed, as RFC 9457 describes it."""

    type: str = Field("about:blank", description="Always about:blank: the status is the type.")
    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What happened and what to do.", examples=["Run 20261125-x was not found."])
    errors: list[Flaw] = Field([], description="Each thing that is wrong, where there are several.")


def problem(status: int, detail: str, *, errors: list[Flaw] = [], headers: dict | None = None) -> Response:  # noqa: B006
    """A problem as a response."""
    shown = detail if len(detail) <= MOST_CHARACTERS else f"{detail[:MOST_CHARACTERS]} …"
    found = Problem(title=HTTPStatus(status).phrase, status=status, detail=shown, errors=errors[:20])
    content = json.dumps(found.model_dump(exclude_defaults=True) | {"type": found.type})  # ASCII: nothing can fail
    return Response(content, status, headers, MEDIA_TYPE)


def install(api: FastAPI) -> None:
    """Answer every error of this application with a problem."""
    for kind, status in STATUS.items():
        api.add_exception_handler(kind, lambda request, error, status=status: problem(status, str(error)))
    api.add_exception_handler(OSError, _os_problem)
    api.add_exception_handler(HTTPException, http_problem)
    api.add_exception_handler(RequestValidationError, _of_validation)
    api.add_exception_handler(Exception, _unexpected_problem)


async def http_problem(request: Request, error: HTTPException) -> Response:
    """The problem for an HTTP error, raised here or by the framework."""
    if error.status_code == 400 and isinstance(error.__cause__, UNREADABLE):  # JSON in a body
        return problem(400, NO_OBJECT)
    own_words = error.detail != HTTPStatus(error.status_code).phrase
    detail = error.detail if own_words else WORDS.get(error.status_code, error.detail)
    return problem(error.status_code, str(detail), headers=error.headers)


async def _os_problem(request: Request, error: OSError) -> Response:
    return problem(507 if error.errno in NO_SPACE else 503, explain_os_error(error))


async def _of_validation(request: Request, error: RequestValidationError) -> Response:
    flaws = [Flaw(where=_where(each["loc"]), detail=_words(each)) for each in error.errors()[:20]]
    first = flaws[0]
    more = f" And {len(flaws) - 1} more." if len(flaws) > 1 else ""
    return problem(422, f"{first.where}: {first.detail}{more}", errors=flaws)


async def _unexpected_problem(request: Request, error: Exception) -> Response:
    return problem(500, WORDS[500])


def _where(location: tuple) -> str:
    return ".".join(str(part)[:80] for part in location)


def _words(error: dict) -> str:
    if error["loc"][:2] == ("path", "run_id"):
        return "A run's id has up to 64 letters, digits and hyphens. GET /api/runs lists all runs."
    if error["loc"] == ("body",) or error["type"] == "json_invalid":
        return NO_OBJECT
    if error["type"] == "extra_forbidden":
        names = [field.name for field in fields(TrainingConfig)] if error["loc"][0] == "body" else []
        near = difflib.get_close_matches(str(error["loc"][-1]), names, 1)
        return f"Unknown setting.{f' Did you mean {near[0]}?' if near else ''} /api/docs lists all settings."
    return f"{error['msg']}."
