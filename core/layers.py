"""A network as a line of text: what can be written. What it comes to is counted in core.network.

    conv 16 5, pool, norm, relu, flatten, dense 128, relu, dropout 0.3, output softmax

A layer is a word and its numbers; layers are parted by commas, semicolons, new lines, or just by the next layer's word.
Capitals and spaces do not matter, and Keras' own names are understood, so that `Dense(100, activation="relu")` is
"dense 100, relu".

    dense UNITS                                 each unit is joined to every number before it
    conv FILTERS [KERNEL] [stride N] [same]     the kernel is 3 × 3 if not said; "same" pads, so that the picture stays
    pool [SIZE] [stride N]                      the largest of each SIZE × SIZE, 2 if not said; average pool: their mean
    global pool                                 the mean of each channel; global max pool: its largest number
    flatten, norm, dropout SHARE                norm is batch normalisation (Ioffe and Szegedy, 2015)
    relu, leaky relu, elu, gelu, tanh, sigmoid  activations, which may stand behind another layer: dense 100 relu
    output [softmax or sigmoid]                 the last layer: ten units with a bias
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from core.drawing.mnist_form import IMAGE_SIDE

CLASSES = 10

ACTIVATIONS = ("relu", "leaky relu", "elu", "gelu", "tanh", "sigmoid")
OUTPUTS = ("softmax", "sigmoid")

ALIKE = 0.65  # of two words, from which one can be meant by the other, as difflib measures it
MOST_TEXT = 2000  # characters
MOST_LAYERS = 60
UNITS = (1, 4096)
FILTERS = (1, 512)
WINDOW = (1, IMAGE_SIDE)  # of a kernel, a pool and a stride
DROPOUT = (0.0, 0.9)


class NetworkError(ValueError):
    """A text is no network that can be trained; the message names the layer, and says what would be right."""


@dataclass(frozen=True)
class Layer:
    """One layer, as it was written.

    Attributes:
        kind: "dense", "conv", "pool", "global pool", "flatten", "norm", "dropout", "output" or one of `ACTIVATIONS`.
        size: units of a dense layer, filters of a convolution; otherwise 0.
        window: side of a kernel or pool in pixels; otherwise 0.
        stride: pixels between two windows; otherwise 0.
        same: whether a convolution is padded, so that at stride 1 its picture keeps its size.
        average: whether a pool takes the mean, and not the largest number.
        share: of a dropout, 0 to 0.9.
        activation: of the output, "softmax" or "sigmoid".
    """

    kind: str
    size: int = 0
    window: int = 0
    stride: int = 0
    same: bool = False
    average: bool = False
    share: float = 0.0
    activation: str = ""

    @property
    def text(self) -> str:
        """The layer as it is written."""
        words = [self.kind]
        match self.kind:
            case "dense":
                words += [self.size]
            case "conv":
                words += [self.size, self.window]
                words += ["stride", self.stride] if self.stride != 1 else []
                words += ["same"] if self.same else []
            case "pool":
                words = ["average pool" if self.average else "pool"]
                words += [self.window] if self.window != 2 or self.stride != 2 else []
                words += ["stride", self.stride] if self.stride != self.window else []
            case "global pool":
                words = ["global pool" if self.average else "global max pool"]
            case "dropout":
                words += [self.share]
            case "output":
                words += [self.activation]
        return " ".join(map(str, words))


_NAMES = {  # the words that begin a layer; the first is the usual one
    Layer("dense"): "dense, fully connected, fc, hidden",
    Layer("conv", window=3, stride=1): "conv, conv2d, convolution",
    Layer("pool", window=2): "pool, pooling, max pool, max pooling, maxpool, maxpooling, maxpooling2d",
    Layer("pool", window=2, average=True): (
        "average pool, average pooling, avg pool, avg pooling, mean pool, averagepool, avgpool, averagepooling2d"
    ),
    Layer("global pool", average=True): (
        "global pool, global pooling, global average pool, global average pooling, global avg pool, "
        "globalaveragepooling2d"
    ),
    Layer("global pool"): "global max pool, global max pooling, globalmaxpooling2d",
    Layer("flatten"): "flatten",
    Layer("norm"): (
        "norm, batch norm, batchnorm, batchnormalization, batch normalization, batch normalisation, normalization, "
        "normalisation"
    ),
    Layer("dropout", share=0.5): "dropout",
    Layer("output", activation="softmax"): "output",
    Layer("leaky relu"): "leaky relu, leaky_relu, leakyrelu",
    Layer("none"): "none, linear",
    **{Layer(name): name for name in (*ACTIVATIONS, "softmax") if name != "leaky relu"},
}
_KINDS = {name: layer for layer, names in _NAMES.items() for name in names.split(", ")}
_TAUGHT = ("dense", "conv", "pool", "average pool", "global pool", "flatten", "norm", "dropout", "output", *ACTIVATIONS)
_SIZES = {"dense": ("units", UNITS), "conv": ("filters", FILTERS)}
_FILLERS = {"units", "filters", "activation", "rate", "size", "kernel", "kernel_size", "pool_size", "padding", "valid"}
_FILLERS |= {"and", "then", "with"}
_OWN = {"conv": ("stride", "same"), "pool": ("stride",)}  # words of a layer
_BEHIND = f"Behind a layer can stand its activation: {', '.join(ACTIVATIONS)}. A comma begins the next layer."
_OUTSIDE = re.compile(  # of a pasted model: what holds the layers, and the input, which is always an image
    r"\b(?:input(?:_shape|_dim|layer)?\b(?: |shape|none|\d+x?)*|(?:model|sequential|add)\b)"
)
_NUMBER = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:e-?\d{1,3})?")
_SQUARE = re.compile(r"(\d+)x(\d+)")


def read_layers(text: str, classes: int = CLASSES) -> tuple[Layer, ...]:
    """The layers that a text names, not yet whether they fit each other, for an output of so many classes.

    Raises:
        NetworkError: where a layer is not understood.
    """
    if len(text) > MOST_TEXT:
        raise NetworkError(f"The network has {len(text):,} characters; {MOST_TEXT:,} are the limit.")
    layers = []
    for number, piece in enumerate(pieces(text), start=1):
        layers += _read_piece(piece, f'Layer {number}, "{_shortened(piece)}"', classes)
    if not layers:  # nothing is written, or "none" alone
        raise NetworkError('Name its layers, for instance "flatten, dense 100, relu, output softmax".')
    layers = _with_output(layers, classes)
    if len(layers) > MOST_LAYERS:
        raise NetworkError(f"The network has {len(layers)} layers; {MOST_LAYERS} are the limit.")
    return tuple(layers)


def pieces(text: str) -> list[str]:
    """The parts of a text that name one layer each, in small letters, a call's brackets and names of arguments gone."""
    text = text.casefold().replace("×", "x")
    text = re.sub(r"→|->|>|\+", ",", text)
    text = re.sub(r"\b0,(?=\d)", "0.", text)  # a decimal comma
    text = re.sub(r"(\d+(?:\.\d+)?) *%", lambda share: f"{float(share[1]) / 100:g}", text)
    text = re.sub(r"[\w.]+\.(?=[a-z])", "", text)  # keras.layers.
    text = re.sub(r"(?<!\w)\((\d+) *, *(\d+)\)", r" \1x\2 ", text.replace("[", "(").replace("]", ")"))
    while (flat := re.sub(r"\(([^()]*)\)", lambda inside: " " + inside[1].replace(",", " "), text)) != text:
        text = flat
    text = re.sub(r"[\"'=:()]", " ", text)
    text = _OUTSIDE.sub(" ", text)
    text = re.sub(r"(\d) *x *(\d)", r"\1x\2", text)
    text = re.sub(r"(?<!\w)x(?!\w)|/|\.(?!\d)", ",", text)
    return [" ".join(words) for part in re.split(r"[,;|\n]", text) for words in _parted(part.split())]


def _parted(words: list[str]) -> list[list[str]]:
    """Words without a comma between them, parted where a layer begins; an activation stays behind its layer."""
    words = [part for word in words for part in _number_apart(word)]
    parts: list[list[str]] = []
    while words:
        layer, length = _named(words)
        if not parts or (layer and layer.kind not in (*ACTIVATIONS, "softmax", "none")):
            parts.append([])
        parts[-1] += words[:length]
        words = words[length:]
    return parts


def _number_apart(word: str) -> list[str]:
    """A word and the number before or behind it as two: dense100, 100relu; relu6 is another activation."""
    if word in _KINDS:
        return [word]
    if (joined := re.fullmatch(r"([a-z]+)(\d.*)", word)) and joined[1] not in ACTIVATIONS:
        return [joined[1], *_number_apart(joined[2])]
    if (joined := re.fullmatch(r"(\d+)([a-z_]+)", word)) and joined[2] in _KINDS:
        return [joined[1], joined[2]]
    return [word]


def _named(words: list[str]) -> tuple[Layer | None, int]:
    """The layer that the first words name, and how many words name it; None where they name none."""
    for length in (3, 2, 1):
        if layer := _KINDS.get(" ".join(words[:length])):
            return layer, length
    return None, 1


def _read_piece(piece: str, place: str, classes: int) -> list[Layer]:
    """One part of a text as its layer, and the activations behind it."""
    words = piece.split()
    layer, rest = _begin(words, place)
    numbers, behind = [], []
    while rest:
        word = rest.pop(0)
        two = f"{word} {rest[0]}" if rest else ""
        if two in _KINDS and _KINDS[two].kind in ACTIVATIONS:
            behind.append(_KINDS[two])
            rest.pop(0)
        elif word in _KINDS and _KINDS[word].kind in (*ACTIVATIONS, "softmax", "none"):
            behind.append(_KINDS[word])
        elif word in ("stride", "strides") and layer.kind in ("conv", "pool"):
            if not rest:
                raise NetworkError(f"{place}: a stride needs a number, for instance stride 2.")
            following = rest.pop(0)
            layer = replace(layer, stride=_whole(_side(following, place), "stride", WINDOW, place))
        elif word == "same" and layer.kind == "conv":
            layer = replace(layer, same=True)
        elif _NUMBER.fullmatch(word) or _SQUARE.fullmatch(word):
            numbers.append(word)
        elif word.startswith("-") and _NUMBER.fullmatch(word[1:]):
            raise NetworkError(f"{place}: {word} is negative. Sizes are whole numbers from 1.")
        elif word not in _FILLERS:
            if layer.kind == "output":
                near = _nearest(word, [], OUTPUTS) or "An output is softmax or sigmoid."
            else:
                own = _nearest(word, [], _OWN[layer.kind]) if layer.kind in _OWN else ""
                near = own or _nearest(word, rest) or _BEHIND
            raise NetworkError(f'{place}: "{_shortened(word)}" is not understood. {near}')
    layer = _with_numbers(layer, numbers, place, classes)
    if layer.kind == "output" and behind:
        if len(behind) > 1 or behind[0].kind not in OUTPUTS:
            raise NetworkError(f"{place}: an output is softmax or sigmoid, not {' '.join(one.kind for one in behind)}.")
        return [replace(layer, activation=behind[0].kind)]
    return [
        found
        for found in (layer, *behind)
        if found.kind != "none" and not (found.kind == "dropout" and not found.share)
    ]


def _begin(words: list[str], place: str) -> tuple[Layer, list[str]]:
    """The layer that the first words name, and the words after them."""
    while words[0] in _FILLERS and words[1:]:  # Activation("relu")
        words = words[1:]
    layer, length = _named(words)
    if layer:
        return layer, words[length:]
    if _NUMBER.match(words[0]):
        units = words[0] if words[0].isdecimal() and len(words[0]) < 5 else UNITS[1] // 32
        raise NetworkError(f"{place} is a number without a layer. A layer's name comes first, as in dense {units}.")
    near = _nearest(words[0], words[1:]) or f"There are: {', '.join(_TAUGHT)}."
    raise NetworkError(f'{place}: there is no layer "{_shortened(words[0])}". {near}')


def _with_numbers(layer: Layer, numbers: list[str], place: str, classes: int) -> Layer:
    """The layer with the numbers behind its name."""
    most = {"dense": 1, "conv": 2, "pool": 1, "dropout": 1, "output": 1}.get(layer.kind, 0)
    if len(numbers) > most:
        takes = "no number" if not most else "one number" if most == 1 else "two numbers, filters and kernel"
        name, first, *_, last = *layer.text.split(" 0")[:1], *numbers, numbers[-1]
        meant = name
        match layer.kind:
            case "none":  # Linear(784, 128)
                name, meant = "linear", f"dense {last}"
            case "flatten":
                meant = f"flatten, dense {last}"
            case "dense":
                meant = f"dense {first}, dense {last}"
            case "pool":
                name = "average pool" if layer.average else "pool"
                meant = f"{name} {first} stride {numbers[1]}"
            case "conv":
                meant = f"conv {first} {numbers[1]}"
            case "dropout":
                name, meant = "dropout", f"dropout {first}"
            case "output":
                name, meant = "output", "output"
        raise NetworkError(
            f"{place}: {name} takes {takes}. "
            + (f'Did you mean "{_shortened(meant)}"?' if _is_read(meant) else "Name each layer.")
        )
    if layer.kind in _SIZES:
        what, limits = _SIZES[layer.kind]
        if not numbers:
            example = "dense 100" if layer.kind == "dense" else "conv 16 5"
            raise NetworkError(f"{place}: how many {what}? For instance {example}.")
        layer = replace(layer, size=_whole(numbers[0], what, limits, place))
        if numbers[1:]:
            layer = replace(layer, window=_whole(_side(numbers[1], place), "kernel", WINDOW, place))
    if layer.kind == "pool":
        if numbers:
            layer = replace(layer, window=_whole(_side(numbers[0], place), "pool", WINDOW, place))
        layer = replace(layer, stride=layer.stride or layer.window)
    if layer.kind == "dropout" and numbers:
        share = float(numbers[0]) if _NUMBER.fullmatch(numbers[0]) else math.inf
        low, high = DROPOUT
        if not low <= share <= high:
            example = share / 100 if 5 <= share <= 100 * high else 0.3
            raise NetworkError(f"{place}: the share must be from {low:g} to {high:g}, for instance {example:g}.")
        layer = replace(layer, share=share)
    if layer.kind == "output" and numbers and numbers[0] != str(classes):
        each = "digit" if classes == CLASSES else "class"
        raise NetworkError(f"{place}: the output has {classes} units, one for each {each}, so it takes no number.")
    return layer


def _is_read(text: str) -> bool:
    """Whether a suggestion is understood itself."""
    try:
        return bool(text and read_layers(text))
    except NetworkError:
        return False


def _with_output(layers: list[Layer], classes: int) -> list[Layer]:
    """The layers with "dense 10, softmax" at their end, of as many units as there are classes, as the output it is."""
    *before, last = layers
    if last.kind in OUTPUTS and before and before[-1] == Layer("dense", classes):
        layers = [*before[:-1], Layer("output", activation=last.kind)]
    if wrong := [number for number, layer in enumerate(layers, start=1) if layer.kind == "softmax"]:
        raise NetworkError(f'Layer {wrong[0]}, "softmax": softmax belongs to the output: end with "output softmax".')
    return layers


def _side(word: str, place: str) -> str:
    """The side of a square, written "5" or "5x5"."""
    if square := _SQUARE.fullmatch(word):
        if square[1] != square[2]:
            raise NetworkError(
                f"{place}: {square[1]} × {square[2]} is not square. Use one number, for instance {square[1]}."
            )
        return square[1]
    return word


def _whole(word: str, what: str, limits: tuple[int, int], place: str) -> int:
    low, high = limits
    if not word.isdecimal() or not word.isascii() or len(word) > 9 or not low <= int(word) <= high:
        raise NetworkError(f'{place}: {what} must be a whole number from {low} to {high:,}, not "{_shortened(word)}".')
    return int(word)


def _nearest(word: str, following: list[str], known: Collection[str] = ()) -> str:
    """A sentence with the name that is most like `word`, alone or with the one behind it; "" without any.

    Among those that are taught, by their first word too, or else among all, or among `known`.
    """
    written = [word, *(f"{word} {second}" for second in following[:1] if second.isalpha())]
    taught = {part: name for name in _TAUGHT for part in (name.split()[0], name)}
    for names in [{name: name for name in known}] if known else [taught, {name: name for name in _KINDS}]:
        alike = {part: max(difflib.SequenceMatcher(None, part, words).ratio() for words in written) for part in names}
        best = max(alike, key=alike.get)
        if alike[best] >= ALIKE:
            return f'Did you mean "{names[best]}"?'
    return ""


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
