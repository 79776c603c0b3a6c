"""What the HTTP API takes and gives, with the descriptions and examples of its documentation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from core import config
from core.config import MODELS
from core.drawing.mnist_form import IMAGE_SIDE
from core.runs import STATES

MOST_IMAGES = 1000
EXAMPLE_ID = "20261125-101500-dense-3f2a"

Fraction = Annotated[float, Field(ge=0, le=1)]
Digit = Annotated[int, Field(ge=0, le=9)]
Probabilities = Annotated[list[float], Field(min_length=10, max_length=10)]


class Health(BaseModel):
    """That the server answers."""

    status: Literal["ok"] = "ok"


class RunInfo(BaseModel):
    """A run in short."""

    id: str = Field(description="Names the run in every address.", examples=[EXAMPLE_ID])
    name: str = Field(description="What people call it.", examples=["Dense 3"])
    model: str | None = Field(description="Its network; null where the run is damaged.", examples=["dense"])
    state: Literal[STATES] = Field(description="Where it stands.", examples=["finished"])
    message: str = Field(description="Words about the state, where there is something to say.", examples=[""])
    target_epochs: int = Field(description="The epochs it is to have in the end.", examples=[10])
    test_accuracy: Fraction | None = Field(description="Null before it has a model.", examples=[0.9781])
    reads: bool = Field(description="Whether it has a model, so that it can be asked.", examples=[True])


class RunDetails(RunInfo):
    """A run with its settings, what happened in each epoch, and what came of it."""

    config: dict[str, Any] | None = Field(description="Its settings, as POST /runs takes them.")
    progress: float = Field(description="Epochs done so far, with the part of the one under way.", examples=[3.25])
    epochs: list[dict[str, Any]] = Field(description="Loss and accuracy after each whole epoch.")
    dataset: dict[str, Any] = Field(description="What it is trained on; empty before it began.")
    architecture: list[Any] = Field(description="Its layers; empty before it began.")
    summary: dict[str, Any] | None = Field(description="What came of it; null before its end.")


class Runs(BaseModel):
    """The runs of this Digit Lab, newest first, the shipped starter last."""

    total: int = Field(description="How many there are in all.", examples=[2])
    runs: list[RunInfo]


class Reading(BaseModel):
    """What a run says of one image, as the Draw page shows it."""

    digit: Digit | None = Field(description="What it reads; null where it does not know.", examples=[7])
    doubt: str | None = Field(description="Why it does not know; null where it does.", examples=[None])
    first: Digit = Field(description="The most probable digit, also where it does not know.", examples=[7])
    second: Digit = Field(description="The second guess.", examples=[9])
    confidence: Fraction = Field(description="The probability of the first.", examples=[0.98])
    probabilities: Probabilities = Field(description="Of each digit, 0 to 9; they sum to 1.")
    scores: Probabilities | None = Field(description="The classic network's sigmoid scores; null for others.")


class Readings(BaseModel):
    """The answers to what was sent, in its order."""

    run: str = Field(description="The run that was asked.", examples=[EXAMPLE_ID])
    answers: list[Reading]


def _depth(pixels: Any) -> str:
    rows = pixels[0] if isinstance(pixels, list) and pixels else None
    return "many" if isinstance(rows, list) and rows and isinstance(rows[0], list) else "one"


Pixel = Annotated[int, Field(strict=True, ge=0, le=255)]
PixelRow = Annotated[list[Pixel], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE)]
Image = Annotated[list[PixelRow], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE)]
Images = Annotated[list[Image], Field(min_length=1, max_length=MOST_IMAGES)]


class Pixels(BaseModel):
    """Images as MNIST has them, ink 255 on background 0; they are read as they are."""

    model_config = ConfigDict(extra="forbid")

    pixels: Annotated[
        Annotated[Image, Tag("one")] | Annotated[Images, Tag("many")],
        Discriminator(_depth),
        Field(
            description=f"One image, {IMAGE_SIDE} rows of {IMAGE_SIDE} whole numbers, "
            f"or a list of up to {MOST_IMAGES:,}."
        ),
    ]


class KeptPrediction(BaseModel):
    """What a run says of one test image."""

    index: int = Field(description="The image's place in the test set, from 0.", examples=[321])
    label: Digit = Field(examples=[2])
    prediction: Digit = Field(examples=[7])
    confidence: Fraction = Field(examples=[0.8125])
    probabilities: Probabilities


class KeptPredictions(BaseModel):
    """Some of the test set as a run reads it."""

    run: str = Field(examples=[EXAMPLE_ID])
    epoch: int = Field(description="The complete epochs at that moment.", examples=[10])
    accuracy: Fraction = Field(description="Of the whole test set.", examples=[0.978])
    total: int = Field(description="How many images pass the filter.", examples=[220])
    predictions: list[KeptPrediction]


class PredictionFilter(BaseModel):
    """Which of the kept predictions are wanted."""

    model_config = ConfigDict(extra="forbid")

    mistakes: bool | None = Field(None, description="true for mistakes only, false for what is right; all without.")
    label: Digit | None = Field(None, description="Only images with this label.")
    prediction: Digit | None = Field(None, description="Only images that are read as this digit.")
    epoch: int | None = Field(None, ge=1, le=9999, description="After this epoch; the newest without.")
    limit: int = Field(100, ge=1, le=1000, description="How many at most.")
    offset: int = Field(0, ge=0, le=10_000_000, description="How many are skipped, in the order of the test set.")


def _setting(description: str, kind: str | list[str], limits: tuple | None = None, **more: Any) -> Any:
    """A setting of a run: described here, checked by `core.config` in its own words."""
    bounds = {} if limits is None else {"minimum": limits[0], "maximum": limits[1]}
    return Annotated[Any, WithJsonSchema({"type": kind, "description": description, **bounds, **more})]


class NewRun(BaseModel):
    """The settings of a run; what is left out is the network's own default."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"model": "dense", "epochs": 3, "hidden_layers": [128, 64]}]}
    )

    name: str | None = Field(None, max_length=200, description="What people call it; counted without.")
    model: _setting("The network.", "string", enum=list(MODELS)) = "seed"
    epochs: _setting("Passes over the training images.", "integer", config.EPOCHS) = 10
    batch_size: _setting("Images a step.", ["integer", "null"], config.BATCH_SIZE) = None
    learning_rate: _setting("Adam's step size, or its peak.", ["number", "null"], config.LEARNING_RATE) = None
    hidden_layers: _setting(
        "Units of each hidden layer (dense only).",
        "array",
        items={"type": "integer", "minimum": config.HIDDEN_UNITS[0], "maximum": config.HIDDEN_UNITS[1]},
        minItems=config.HIDDEN_LAYERS[0],
        maxItems=config.HIDDEN_LAYERS[1],
    ) = (128,)
    dropout: _setting("Share of hidden units switched off.", ["number", "null"], config.DROPOUT) = None
    seed: _setting("Decides the first weights and the order.", "integer", config.SEED) = 0
    training_images: _setting("How many are used; null is all.", ["integer", "null"], config.TRAINING_IMAGES) = None
    validation_images: _setting("Held back to validate on.", "integer", config.VALIDATION_IMAGES) = 5000
    patience: _setting("Epochs without progress until it stops; 0 is off.", "integer", config.PATIENCE) = 0
    augment: _setting("Change each image a little.", "boolean") = False
    start_from: _setting("Id of the run to fine-tune on my digits.", "string", maxLength=100) = ""
