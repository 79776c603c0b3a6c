"""What was sent to be read becomes images, and images become answers, as on the Draw page."""

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
from core.drawing.upload import read_picture
from core.inference.answer import Answer, Models
from core.runs import RunError, RunView
from dashboard.api.schemas import MOST_IMAGES, Pixels, Reading, Readings

PICTURES = ("image/png", "image/jpeg", "image/webp")
SIGNATURE = re.compile(rb"\x89PNG\r\n|\xff\xd8\xff|RIFF....WEBP", re.DOTALL)  # how their files begin
FORM = "multipart/form-data"
FORM_WORDS = (
    "Send the picture as one: curl -F picture=@digit.png, which writes the Content-Type with its boundary itself."
)
AT_ONCE = 2  # heavy requests that are worked on at once; pages and training want the processor too
TAGS = ("one", "many")  # how `Pixels` tells one image from many; not for people
MOST_WAITING = 64
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # the answer says what is wrong with a form
_LIMITER: RunVar[anyio.CapacityLimiter] = RunVar("heavy requests")


async def heavy(work: Callable, *arguments: Any) -> Any:
    """Do this in a thread, few at once; says 503 where too many wait already."""
    try:
        limiter = _LIMITER.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(AT_ONCE)
        _LIMITER.set(limiter)
    if limiter.statistics().tasks_waiting >= MOST_WAITING:
        raise HTTPException(503, "Too many requests wait already. Try again in a moment.", {"Retry-After": "1"})
    return await anyio.to_thread.run_sync(work, *arguments, limiter=limiter)


async def sent(request: Request) -> tuple[str, bytes]:
    """What kind of thing was sent, "picture" or "pixels", and the bytes of it; a picture is known by how it begins."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    data = await _of_form(request) if kind == FORM else await request.body()
    if kind == FORM or kind in PICTURES or SIGNATURE.match(data):
        return "picture", data
    if kind == "application/json":
        return "pixels", data
    raise HTTPException(
        415,
        "Send a picture as image/png, image/jpeg, image/webp or in multipart/form-data, or pixels as application/json. "
        f"This came as {kind or 'nothing of these'}.",
    )


async def _of_form(request: Request) -> bytes:
    """The first file of a form that is not empty."""
    try:
        async with request.form(max_files=4, max_fields=16) as form:
            for _, value in form.multi_items():
                if isinstance(value, UploadFile) and (data := await value.read()):
                    return data
    except HTTPException as error:
        raise HTTPException(400, f"The form could not be read. {FORM_WORDS}") from error
    raise HTTPException(422, f"The form has no file. {FORM_WORDS}")


def read(models: Models, run: RunView, kind: str, data: bytes) -> Readings:
    """The run's answers to a picture or to pixels.

    Raises:
        PictureError, ModelError: where the picture or the run's model cannot be used.
        RunError: where a newer version made the run.
        HTTPException: where there is no model, no ink, or the pixels are not as they should be.
    """
    if run.too_new:
        raise RunError(run.too_new)
    try:
        model = models.predictor(run)
    except OSError as error:
        raise HTTPException(409, f"{run.name} has no model yet, so it cannot read. Wait for its end.") from error
    images = of_picture(data) if kind == "picture" else of_pixels(data)
    return Readings(run=run.id, answers=[_reading(each) for each in models.answer_all(run, model, images)])


def of_picture(data: bytes) -> np.ndarray:
    """A picture file as the one image that the Draw page makes of it, uint8 (1, 28, 28)."""
    steps = drawing_steps(read_picture(data))
    if steps is None:
        raise HTTPException(422, NO_INK)
    return steps.centred[np.newaxis]


def of_pixels(data: bytes) -> np.ndarray:
    """JSON as `Pixels` describes it, as uint8 (n, 28, 28)."""
    try:
        pixels = Pixels.model_validate_json(data).pixels
    except ValidationError as error:
        raise HTTPException(422, _flaw(error)) from error
    return np.array(pixels, np.uint8).reshape(-1, 28, 28)


def _flaw(error: ValidationError) -> str:
    """What is wrong with pixels: the first thing, and what would be right."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else str(part) for part in first["loc"] if part not in TAGS)
    at = f"At {place[:80]}: {first['msg']}." if place else f"{first['msg']}."
    return (
        f'Send {{"pixels": …}}, one image of 28 rows with 28 whole numbers from 0 to 255, or a list of up to '
        f"{MOST_IMAGES:,} such images. {at}"
    )


def _reading(found: Answer) -> Reading:
    scores = found.outputs.get("scores")
    return Reading(
        digit=found.digit,
        doubt=found.abstain_reason or None,
        first=found.first,
        second=found.second,
        confidence=min(found.confidence, 1.0),
        probabilities=found.outputs["probabilities"].tolist(),
        scores=None if scores is None else scores.tolist(),
    )
