"""Requests for predictions: the body becomes images, and images become answers, as on the Draw page."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import anyio.to_thread
import numpy as np
from anyio.lowlevel import RunVar
from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from core.drawing import NO_INK, drawing_steps
from core.drawing.mnist_form import IMAGE_SHAPE
from core.drawing.upload import read_picture
from core.inference.answer import Answer, LoadedModels
from core.runs import RunError, RunView
from dashboard.api import schemas
from dashboard.api.schemas import MOST_IMAGES, Pixels

PICTURES = ("image/png", "image/jpeg", "image/webp")
SIGNATURE = re.compile(rb"\x89PNG\r\n|\xff\xd8\xff|RIFF....WEBP", re.DOTALL)  # the first bytes of such files
FORM = "multipart/form-data"
FORM_WORDS = "Send the picture with curl -F picture=@digit.png, which writes the Content-Type with its boundary itself."
AT_ONCE = 2  # predictions at the same time; pages and training need the processor too
TAGS = ("one", "many")  # of `Pixels`, for one image and for many; left out of messages
MOST_WAITING = 64
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # the answer says what is wrong with a form
_LIMITER: RunVar[anyio.CapacityLimiter] = RunVar("requests in worker threads")


async def in_worker_thread(work: Callable, *arguments: Any) -> Any:
    """Call `work` in a thread, at most `AT_ONCE` at a time; 503 where more than `MOST_WAITING` wait."""
    try:
        limiter = _LIMITER.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(AT_ONCE)
        _LIMITER.set(limiter)
    if limiter.statistics().tasks_waiting >= MOST_WAITING:
        raise HTTPException(503, "Too many requests at the moment. Try again shortly.", {"Retry-After": "1"})
    return await anyio.to_thread.run_sync(work, *arguments, limiter=limiter)


async def read_body(request: Request) -> tuple[str, bytes]:
    """The kind of the body, "picture" or "pixels", and its bytes; pictures are recognised by their first bytes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    data = await _of_form(request) if kind == FORM else await request.body()
    if kind == FORM or kind in PICTURES or SIGNATURE.match(data):
        return "picture", data
    if kind == "application/json":
        return "pixels", data
    raise HTTPException(
        415,
        "Send a picture as image/png, image/jpeg, image/webp or in multipart/form-data, or pixels as application/json. "
        + (f"It was sent as {kind}." if kind else "No content type was sent."),
    )


async def _of_form(request: Request) -> bytes:
    """The first file of a form with any content."""
    try:
        async with request.form(max_files=4, max_fields=16) as form:
            for _, value in form.multi_items():
                if isinstance(value, UploadFile) and (data := await value.read()):
                    return data
    except HTTPException as error:
        raise HTTPException(400, f"The form could not be read. {FORM_WORDS}") from error
    raise HTTPException(422, f"The form has no file. {FORM_WORDS}")


def answer_body(models: LoadedModels, run: RunView, kind: str, data: bytes) -> schemas.Answers:
    """The run's answers to a picture or to pixels, as `read_body` returns them.

    Raises:
        PictureError, ModelError: where the picture or the run's model cannot be used.
        RunError: where a newer version made the run.
        HTTPException: where there is no model, no ink, or the pixels are invalid.
    """
    if run.too_new:
        raise RunError(run.too_new)
    try:
        model = models.predictor(run)
    except OSError as error:
        raise HTTPException(409, f"{run.name} has no model yet. Try again when its training has ended.") from error
    images = images_of_picture(data) if kind == "picture" else images_of_pixels(data)
    answers = [_as_schema(each) for each in models.answer_all(run, model, images)]
    return schemas.Answers(run=run.id, classes=list(run.classes), answers=answers)


def images_of_picture(data: bytes) -> np.ndarray:
    """A picture file as an image in MNIST's form, uint8 (1, 28, 28), by the steps of the Draw page."""
    steps = drawing_steps(read_picture(data))
    if steps is None:
        raise HTTPException(422, NO_INK)
    return steps.centred[np.newaxis]


def images_of_pixels(data: bytes) -> np.ndarray:
    """The images in JSON of the form `Pixels`, uint8 (n, 28, 28)."""
    try:
        pixels = Pixels.model_validate_json(data).pixels
    except ValidationError as error:
        raise HTTPException(422, _flaw(error)) from error
    return np.array(pixels, np.uint8).reshape(-1, *IMAGE_SHAPE)


def _flaw(error: ValidationError) -> str:
    """What would be right for pixels, and the first thing that is wrong with these."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else str(part) for part in first["loc"] if part not in TAGS)
    at = f"At {place[:80]}: {first['msg']}." if place else f"{first['msg']}."
    return (
        f'Send {{"pixels": …}}, one image of 28 rows with 28 whole numbers from 0 to 255, or a list of up to '
        f"{MOST_IMAGES:,} of them. {at}"
    )


def _as_schema(found: Answer) -> schemas.Answer:
    scores = found.outputs.get("scores")
    return schemas.Answer(
        digit=found.digit,
        doubt=found.abstain_reason or None,
        first=found.first,
        second=found.second,
        confidence=min(found.confidence, 1.0),
        probabilities=found.outputs["probabilities"].tolist(),
        scores=None if scores is None else scores.tolist(),
    )
