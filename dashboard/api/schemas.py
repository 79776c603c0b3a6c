"""The requests and responses of the HTTP API, with the descriptions and examples of its documentation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from core import config
from core.config import MODELS
from core.data.classes import DIGITS, LEAST_CLASSES, MOST_CLASSES
from core.drawing.mnist_form import IMAGE_SIDE
from core.layers import ACTIVATIONS, MOST_TEXT
from core.runs import ID, STATES

MOST_IMAGES = 1000
EXAMPLE_ID = "20261125-101500-dense-3f2a"

Fraction = Annotated[float, Field(ge=0, le=1)]
Digit = Annotated[int, Field(ge=0, lt=MOST_CLASSES)]  # or the number of another class
Probabilities = Annotated[list[float], Field(min_length=LEAST_CLASSES, max_length=MOST_CLASSES)]


class Health(BaseModel):
    """That the server answers."""

    status: Literal["ok"] = "ok"


class RunInfo(BaseModel):
    """A run in short."""

    id: str = Field(description="The run's name in addresses.", examples=[EXAMPLE_ID])
    name: str = Field(description="The run's name on the pages.", examples=["Dense 3"])
    model: str | None = Field(description="Its network; null where the run is damaged.", examples=["dense"])
    state: Literal[STATES] = Field(description="Its state.", examples=["finished"])
    message: str = Field(description="More about the state; empty where there is nothing to add.", examples=[""])
    machine: str = Field(description="The machine of a cluster that trains it; empty for this one.", examples=[""])
    target_epochs: int = Field(description="Epochs when training is complete.", examples=[10])
    test_accuracy: Fraction | None = Field(description="Null until it has a model.", examples=[0.9781])
    reads: bool = Field(description="Whether it has a model, and so can predict.", examples=[True])


class RunDetails(RunInfo):
    """A run with its settings, epochs and results."""

    config: dict[str, Any] | None = Field(description="Its settings, as POST /runs takes them.")
    progress: float = Field(description="Epochs done so far, with the fraction of the current one.", examples=[3.25])
    epochs: list[dict[str, Any]] = Field(description="Loss and accuracy after each completed epoch.")
    dataset: dict[str, Any] = Field(description="The dataset it is trained on; empty before training.")
    architecture: list[Any] = Field(description="Its layers; empty before training.")
    summary: dict[str, Any] | None = Field(description="Its results; null until it has ended.")


class Runs(BaseModel):
    """All runs, newest first, the shipped starter last."""

    total: int = Field(description="Number of all runs.", examples=[2])
    runs: list[RunInfo]


class DatasetInfo(BaseModel):
    """A dataset that runs can be trained on."""

    fingerprint: str = Field(
        description="By which runs name it; equal data have equal ones.", examples=["9f86d081884c7d65"]
    )
    name: str = Field(description="What people call it.", examples=["MNIST"])
    source: str = Field(description="Where it came from.", examples=["Keras' cache"])
    classes: list[str] = Field(
        description="The names of its labels, in their order; the digits for digits.", examples=[list(DIGITS)]
    )
    in_use: bool = Field(description="Whether a run is trained on it that names no dataset.", examples=[True])
    train: list[int] = Field(description="Number of training images of each class.")
    test: list[int] = Field(description="Number of test images of each class.")


class Answer(BaseModel):
    """A run's answer to one image, as the Draw page shows it."""

    digit: Digit | None = Field(
        description="The prediction, of other classes its number; null where the run abstains.", examples=[7]
    )
    doubt: str | None = Field(description="Why the run abstains; null where it does not.", examples=[None])
    first: Digit = Field(description="The most probable digit, also where the run abstains.", examples=[7])
    second: Digit = Field(description="The second most probable digit.", examples=[9])
    confidence: Fraction = Field(description="The probability of the first.", examples=[0.98])
    probabilities: Probabilities = Field(description="Of each class, 0 to 9 for digits; they sum to 1.")
    scores: Probabilities | None = Field(
        description="The sigmoid scores of a network that ends in sigmoids, as Classic does; null for others."
    )


class Answers(BaseModel):
    """The answers to the images of a request, in their order."""

    run: str = Field(description="The run's id.", examples=[EXAMPLE_ID])
    classes: list[str] = Field(description="What it reads, in the order of the numbers.", examples=[list(DIGITS)])
    answers: list[Answer]


def _depth(pixels: Any) -> str:
    rows = pixels[0] if isinstance(pixels, list) and pixels else None
    return "many" if isinstance(rows, list) and rows and isinstance(rows[0], list) else "one"


Pixel = Annotated[int, Field(strict=True, ge=0, le=255)]
PixelRow = Annotated[list[Pixel], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE)]
Image = Annotated[list[PixelRow], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE)]
Images = Annotated[list[Image], Field(min_length=1, max_length=MOST_IMAGES)]


class Pixels(BaseModel):
    """Images in MNIST's form, ink 255 on background 0; they are not normalised."""

    model_config = ConfigDict(extra="forbid")

    pixels: Annotated[
        Annotated[Image, Tag("one")] | Annotated[Images, Tag("many")],
        Discriminator(_depth),
        Field(
            description=f"One image, {IMAGE_SIDE} rows of {IMAGE_SIDE} whole numbers, "
            f"or a list of up to {MOST_IMAGES:,}."
        ),
    ]


class TestPrediction(BaseModel):
    """A run's prediction for one test image."""

    index: int = Field(description="The image's index in the test set, from 0.", examples=[321])
    label: Digit = Field(examples=[2])
    prediction: Digit = Field(examples=[7])
    confidence: Fraction = Field(examples=[0.8125])
    probabilities: Probabilities


class TestPredictions(BaseModel):
    """A run's predictions for some of the test images."""

    run: str = Field(examples=[EXAMPLE_ID])
    epoch: int = Field(description="The epoch after which they were made.", examples=[10])
    accuracy: Fraction = Field(description="Accuracy on the whole test set.", examples=[0.978])
    total: int = Field(description="Number of images that match the filter.", examples=[220])
    predictions: list[TestPrediction]


class PredictionFilter(BaseModel):
    """Which of a run's predictions are listed."""

    model_config = ConfigDict(extra="forbid")

    mistakes: bool | None = Field(
        None, description="true for mistakes only, false for right ones only; both by default."
    )
    label: Digit | None = Field(None, description="Only images with this label.")
    prediction: Digit | None = Field(None, description="Only images with this prediction.")
    epoch: int | None = Field(None, ge=1, le=9999, description="After this epoch; by default the newest.")
    limit: int = Field(100, ge=1, le=1000, description="At most so many.")
    offset: int = Field(0, ge=0, le=10_000_000, description="Skip so many, in the order of the test set.")


class ReportBy(BaseModel):
    """Who hands a report in."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=80, description="A name that stands above the report.", examples=["Ann"])
    words: str = Field("", max_length=2000, description="What that person found, in their own words.")


class RunReport(ReportBy):
    """Of what else than the run a report is, and who hands it in."""

    beside: str | None = Field(
        None, pattern=f"^{ID.pattern}$", description="The id of a second run to compare it with."
    )


def _setting(description: str, kind: str | list[str], limits: tuple | None = None, **more: Any) -> Any:
    """A setting of a run: described here, checked by `core.config`, whose messages are better."""
    bounds = {} if limits is None else {"minimum": limits[0], "maximum": limits[1]}
    return Annotated[Any, WithJsonSchema({"type": kind, "description": description, **bounds, **more})]


NEW_RUNS = [
    {"model": "dense", "epochs": 3, "hidden_layers": [128, 64]},
    {"network": "flatten, dense 64, tanh, output softmax", "optimizer": "sgd", "learning_rate": 0.1},
]


class NewRun(BaseModel):
    """The settings of a run; one that is left out takes the architecture's default."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": NEW_RUNS})

    name: str | None = Field(None, max_length=200, description="The run's name; by default the network and a number.")
    model: _setting(
        "The network.", "string", enum=list(dict.fromkeys([*(info.title.lower() for info in MODELS.values()), *MODELS]))
    ) = "seed"
    epochs: _setting("Passes over the training images.", "integer", config.EPOCHS) = 10
    batch_size: _setting("Images a step.", ["integer", "null"], config.BATCH_SIZE) = None
    learning_rate: _setting(
        "Size of a step; the peak, where a schedule changes it. Null is the model's own.",
        ["number", "null"],
        config.LEARNING_RATE,
    ) = None
    hidden_layers: _setting(
        "Units of each hidden layer (dense only, without network).",
        "array",
        items={"type": "integer", "minimum": config.HIDDEN_UNITS[0], "maximum": config.HIDDEN_UNITS[1]},
        minItems=config.HIDDEN_LAYERS[0],
        maxItems=config.HIDDEN_LAYERS[1],
    ) = (128,)
    dropout: _setting(
        "Share of hidden units switched off (dense, cnn and best, without network).",
        ["number", "null"],
        config.DROPOUT,
    ) = None
    seed: _setting("Determines the initial weights and the order of images.", "integer", config.SEED) = 0
    training_images: _setting(
        "Number of training images; null is all.", ["integer", "null"], config.TRAINING_IMAGES
    ) = None
    validation_images: _setting("Number of images held out for validation.", "integer", config.VALIDATION_IMAGES) = 5000
    patience: _setting(
        "Early stopping: epochs without a lower validation loss; 0 is off.", "integer", config.PATIENCE
    ) = 0
    augment: _setting("Augment the training images.", "boolean") = False
    network: _setting(
        "The layers as text, in place of the model's own; empty for those. Parted by commas: dense UNITS, "
        "conv FILTERS [KERNEL] [stride N] [same], pool [SIZE], average pool, global pool, flatten, norm, "
        f"dropout SHARE, {', '.join(ACTIVATIONS)}; at the end output softmax or output sigmoid.",
        "string",
        maxLength=MOST_TEXT,
        examples=["flatten, dense 64, tanh, output softmax"],
    ) = ""
    optimizer: _setting("How a step follows from the gradient.", "string", enum=list(config.OPTIMIZERS)) = "adam"
    schedule: _setting(
        "How the learning rate changes. Null is the model's own.", ["string", "null"], enum=[*config.SCHEDULES, None]
    ) = None
    weight_decay: _setting("How fast weights shrink besides (AdamW).", "number", config.WEIGHT_DECAY) = 0.0
    pixels: _setting(
        "What the first layer gets: pixels from 0 to 1, or raw, 0 to 255.", "string", enum=list(config.PIXELS)
    ) = "0-1"
    first_weights: _setting("How weights are drawn before training.", "string", enum=list(config.FIRST_WEIGHTS)) = (
        "glorot"
    )
    wrong_labels: _setting("Share of training images that get a wrong label.", "number", config.WRONG_LABELS) = 0.0
    left_out: _setting(
        "Digits, or classes by number, that are not trained on; it is tested on them all the same.",
        "array",
        items={"type": "integer", "minimum": 0, "maximum": MOST_CLASSES - 1},
        maxItems=MOST_CLASSES - 1,
    ) = ()
    imbalance: _setting(
        "How many times as many of the first class as of the last are trained on; 1 is balanced.",
        "integer",
        config.IMBALANCE,
    ) = 1
    dataset: _setting(
        "A dataset's fingerprint or name, of those that GET /api/datasets lists; empty or default for the one in use.",
        "string",
        maxLength=60,
    ) = ""
    classes: _setting(
        "How many classes the dataset has, as a run's config says where there are not ten. It follows from the "
        "dataset: what is sent is not used.",
        "integer",
        config.CLASSES,
    ) = len(DIGITS)
    start_from: _setting("Id of the run to fine-tune on My digits.", "string", maxLength=100) = ""
