"""A network as rows that are filled in one by one: from its text, back into text, and what each row comes to.

A row is a dictionary of texts: its "kind", a key of `BEGIN`, and the fields of that kind as they were typed. A dense
layer or convolution and the activation behind it are one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.drawing.mnist_form import IMAGE_SIDE as SIDE
from core.layers import (
    ACTIVATIONS,
    CLASSES,
    MOST_LAYERS,
    MOST_TEXT,
    OUTPUTS,
    Layer,
    NetworkError,
    pieces,
    read_layers,
)
from core.network import Block, Network, count, in_words, read_network

Row = dict[str, str]

NONE, LARGEST, MEAN = "none", "largest", "mean"
BEGIN: dict[str, Row] = {  # the kinds of rows with the fields of each, and what these begin with
    "dense": {"units": "100", "activation": "relu"},
    "conv": {"filters": "16", "kernel": "3", "stride": "1", "same": "", "activation": "relu"},
    "pool": {"window": "2", "takes": LARGEST},
    "global pool": {"takes": MEAN},
    "flatten": {},
    "norm": {},
    "dropout": {"share": "0.3"},
    "activation": {"activation": "relu"},
    "output": {"activation": "softmax"},
    "text": {"text": ""},  # a part of the text that is not understood, as it is
}
CHOICES = {  # of fields in which one of a few is chosen, by kind
    "dense": {"activation": (NONE, *ACTIVATIONS)},
    "conv": {"activation": (NONE, *ACTIVATIONS), "same": ("", "same")},
    "pool": {"takes": (LARGEST, MEAN)},
    "global pool": {"takes": (LARGEST, MEAN)},
    "activation": {"activation": ACTIVATIONS},
    "output": {"activation": OUTPUTS},
}
HELP = {  # what a layer is, for its tooltip
    "dense": "Each unit is joined to every number before it.",
    "conv": "Each filter looks for one small pattern everywhere in the picture.",
    "pool": "Of each small square, the largest number or their mean: the picture gets smaller.",
    "global pool": "Of each channel, the mean or the largest number.",
    "flatten": "The picture as one row of numbers, as dense layers need it.",
    "norm": "Batch normalisation keeps the numbers of each channel around 0.",
    "dropout": "Switches off a share of the units at random while it trains, against overfitting.",
    "activation": "Bends each number. Without one between them, two layers can do no more than one.",
    "output": "As many units as there are classes: ten for digits.",
    "text": "This part of the text is not understood.",
}
_PLACE = re.compile(r'Layer (\d+), "[^"]*"[:,]? ?')


@dataclass(frozen=True)
class Examined:
    """Rows and what they come to.

    Attributes:
        rows: the rows.
        blocks: of each row its counted layers, () where a mistake is in it or before it.
        errors: of each row what is wrong with it as a sentence, else "".
        error: what is wrong with the whole, else "".
    """

    rows: list[Row]
    blocks: list[tuple[Block, ...]]
    errors: list[str]
    error: str


def rows_of(text: str, classes: int = CLASSES) -> list[Row]:
    """The rows of a network's text; parts of it that are not understood are rows too, of the kind "text"."""
    try:
        return list(_rows(read_layers(text, classes)))
    except NetworkError:
        rows: list[Row] = []
        layers: list[Layer] = []  # that are understood, since the last one that is not
        for piece in pieces(text[:MOST_TEXT])[:MOST_LAYERS]:
            try:
                layers += read_layers(piece, classes)
            except NetworkError:
                rows += [*_rows(layers), {"kind": "text", "text": piece}]
                layers = []
        return [*rows, *_rows(layers)]


def _rows(layers: Sequence[Layer]) -> Iterator[Row]:
    rest = list(layers)
    while rest:
        layer = rest.pop(0)
        follows = layer.kind in ("dense", "conv") and rest and rest[0].kind in ACTIVATIONS
        activation = rest.pop(0).kind if follows else NONE
        match layer.kind:
            case "dense":
                yield {"kind": "dense", "units": str(layer.size), "activation": activation}
            case "conv":
                sizes = {"filters": str(layer.size), "kernel": str(layer.window), "stride": str(layer.stride)}
                yield {"kind": "conv", **sizes, "same": "same" if layer.same else "", "activation": activation}
            case "pool":
                stride = {"stride": str(layer.stride)} if layer.stride != layer.window else {}
                yield {
                    "kind": "pool",
                    "window": str(layer.window),
                    **stride,
                    "takes": MEAN if layer.average else LARGEST,
                }
            case "global pool":
                yield {"kind": "global pool", "takes": MEAN if layer.average else LARGEST}
            case "dropout":
                yield {"kind": "dropout", "share": str(layer.share)}
            case "output":
                yield {"kind": "output", "activation": layer.activation}
            case "flatten" | "norm":
                yield {"kind": layer.kind}
            case _:
                yield {"kind": "activation", "activation": layer.kind}


def text_of(rows: Sequence[Row]) -> str:
    """The text of a network from its rows, with what was typed into them, right or wrong."""
    return ", ".join(text for row in rows if (text := _text(row)))[:MOST_TEXT]


def _text(row: Row) -> str:
    """A row as a part of the text."""
    value = {name: re.sub(r"[,;|\s]+", "", typed) for name, typed in row.items()}
    behind = f", {row['activation']}" if row.get("activation", NONE) != NONE else ""
    match row["kind"]:
        case "dense":
            return f"dense {value['units']}".strip() + behind
        case "conv":
            words = [row["kind"], *([value["filters"], value["kernel"]] if value["filters"] else [])]
            words += ["stride", value["stride"]] if value["stride"] not in ("", "1") else []
            return " ".join(filter(None, [*words, row["same"]])) + behind
        case "pool":
            words = ["average pool" if row["takes"] == MEAN else "pool"]
            stride = value.get("stride", "")
            words += [value["window"]] if value["window"] != "2" or stride else []
            return " ".join(filter(None, [*words, f"stride {stride}" if stride else ""]))
        case "global pool":
            return "global pool" if row["takes"] == MEAN else "global max pool"
        case "dropout":
            return f"dropout {re.sub(r'[,;|]', '.', row['share']).strip()}".strip()
        case "activation":
            return row["activation"]
        case "output":
            return f"output {row['activation']}"
        case "text":
            return row["text"].strip()
    return row["kind"]


def checked(rows: object) -> list[Row] | None:
    """Rows as a browser sent them, cut to what rows have; None where they are none."""
    if not isinstance(rows, list) or len(rows) > 2 * MOST_LAYERS:
        return None
    found = []
    for row in rows:
        if not isinstance(row, dict) or not isinstance(kind := row.get("kind"), str) or kind not in BEGIN:
            return None
        names = [*BEGIN[kind], "stride"] if kind == "pool" and row.get("stride") else BEGIN[kind]
        values = {name: str(row.get(name, ""))[: MOST_TEXT if name == "text" else 12] for name in names}
        for name, choices in CHOICES.get(kind, {}).items():
            values[name] = values[name] if values[name] in choices else choices[0]
        found.append({"kind": kind, **values})
    return found


def examine(rows: Sequence[Row], classes: int = CLASSES) -> Examined:
    """What rows come to: the counted layers of each, as far as there is no mistake, and what is wrong."""
    network, said = _read(text_of(rows), classes)
    if network and [layer for row in rows for layer in _layers(row, classes)[0]] != [
        each.layer for each in network.blocks
    ]:
        rows = rows_of(network.text, classes)  # a text was typed into a row that stands for several
    read = [_layers(row, classes) for row in rows]
    if network:
        return Examined(list(rows), _by_rows(network.blocks, read), [""] * len(rows), "")
    errors = [error for _, error in read]
    before = next((number for number, error in enumerate(errors) if error), len(rows))
    layers = [layer for found, _ in read[:before] for layer in found]
    blocks, mistake = _counted(layers, classes) if before < len(rows) else _counted_whole(layers, said, classes)
    if (at := _place(mistake)) is not None and at < len(layers):
        owners = [number for number, (found, _) in enumerate(read) for _ in found]
        errors[owners[at]] = _without_place(mistake)
        blocks, _ = _counted(layers[:at], classes)
    return Examined(list(rows), _by_rows(blocks, read), errors, said)


def _read(text: str, classes: int) -> tuple[Network | None, str]:
    """The network that a text names, or why there is none."""
    try:
        return read_network(text, classes), ""
    except NetworkError as error:
        return None, str(error)


def _layers(row: Row, classes: int) -> tuple[list[Layer], str]:
    """The layers of a row, or what is wrong with it."""
    try:
        return list(read_layers(_text(row), classes)), ""
    except NetworkError as error:
        return [], _without_place(str(error))


def _without_place(error: str) -> str:
    """An error without the layer that it names first, for where that is seen."""
    words = _PLACE.sub("", error, count=1)
    return words[:1].upper() + words[1:]


def _place(error: str) -> int | None:
    """The layer that an error names first, 0 is the first one; None where it names none."""
    named = _PLACE.match(error)
    return int(named[1]) - 1 if named else None


def _counted(layers: Sequence[Layer], classes: int) -> tuple[tuple[Block, ...], str]:
    """The first layers of a network, counted; or why they do not fit each other."""
    output, error = Layer("output", activation="softmax"), ""
    for end in ((output,), (Layer("flatten"), output)):
        try:
            return count((*layers, *end), classes).blocks[: len(layers)], ""
        except NetworkError as found:
            error = str(found)
            if (place := _place(error)) is not None and place < len(layers):
                return (), error
    return (), error


def _counted_whole(layers: Sequence[Layer], said: str, classes: int) -> tuple[tuple[Block, ...], str]:
    """The layers of a whole network that is refused, as far as they can be counted, and why it is."""
    return ((), said) if _place(said) is not None else (_counted(layers, classes)[0], said)


def _by_rows(blocks: Sequence[Block], read: Sequence[tuple[list[Layer], str]]) -> list[tuple[Block, ...]]:
    """The blocks of each row, () for a row that is not counted whole."""
    found, at = [], 0
    for layers, _ in read:
        part = tuple(blocks[at : at + len(layers)])
        found.append(part if len(part) == len(layers) else ())
        at += len(layers)
    return found


def in_numbers(examined: Examined) -> list[dict]:
    """Of each row what is drawn and written beside it, {} where a mistake is in it or before it.

    Returns:
        For each row: "name" of its layers, "shape" as numbers and "size" in words; "parameters" and "multiplications"
        of an image with the shares of the whole that they are, 0 to 1; "field", the square of the image that the middle
        one of its units sees, as side, left upper corner and the distance to the next unit's, in pixels.
    """
    parameters = sum(block.parameters for blocks in examined.blocks for block in blocks)
    multiplications = sum(block.multiplications for blocks in examined.blocks for block in blocks)
    found, picture = [], SIDE
    for blocks in examined.blocks:
        if not blocks:
            found.append({})
            continue
        last = blocks[-1]
        picture = last.shape[0] if len(last.shape) == 3 else picture
        own, work = sum(block.parameters for block in blocks), sum(block.multiplications for block in blocks)
        found.append(
            {
                "name": " + ".join(block.name for block in blocks),
                "shape": list(last.shape),
                "size": in_words(last.shape),
                "parameters": own,
                "part": own / parameters if parameters else 0.0,
                "multiplications": work,
                "work": work / multiplications if multiplications else 0.0,
                "field": _field(last, picture),
            }
        )
    return found


def _field(block: Block, picture: int) -> list[float]:
    middle = block.start + picture // 2 * block.step
    corner = 0.0 if block.sees >= SIDE else middle - block.sees / 2
    return [block.sees, max(0.0, corner), block.step if block.sees < SIDE else 0]


def cost(network: Network, usual: Network, title: str) -> str:
    """What a network costs, in words: parameters and multiplications, beside those of a network that has a title."""
    words = f"{network.parameters:,} parameters, {network.multiplications:,} multiplications an image"
    if network.text == usual.text:
        return words
    times = network.multiplications / usual.multiplications
    if times >= 2:
        return f"{words}, {f'{times:,.0f}' if times >= 10 else f'{times:.1f}'} times as many as {title}"
    return f"{words}, {f'{100 * times:.0f} %' if times >= 0.01 else 'less than 1 %'} of {title}"
