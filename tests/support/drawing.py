"""Drawings as the canvas keeps them, and a network that reads them in a way that is known."""

import base64
import io
import json

import numpy as np
from PIL import Image, ImageDraw


class LeftReader:
    """Reads a digit by where its ink begins, and remembers what it was shown; its hidden layer is the ink's rows."""

    def __init__(self):
        self.shown = []

    def outputs(self, images):
        self.shown.append(images)
        first = [int(np.flatnonzero(image.any(axis=0))[0]) if image.any() else 0 for image in images]
        probabilities = np.full((len(images), 10), 0.01, np.float32)
        probabilities[np.arange(len(images)), np.array(first) % 10] = 0.91
        return {"probabilities": probabilities, "hidden": images.sum(axis=2).astype(np.float32)}

    def probabilities(self, images):
        return self.outputs(images)["probabilities"]

    def hidden(self, images):
        return self.outputs(images)["hidden"]


def canvas_data(at):
    """What the canvas component was given."""
    [node] = [node.proto for node in at.get("bidi_component") if "drawable" in node.proto.component_name]
    return json.loads(node.json)


def drawn(*lines):
    """What the component keeps in the session after these strokes."""
    picture = Image.new("RGBA", (420, 420), "black")
    for line in lines:
        ImageDraw.Draw(picture).line(line, "white", 28)
    file = io.BytesIO()
    picture.save(file, "PNG")
    data = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"drawing": {"raw": {"objects": [{"type": "Path", "path": line} for line in lines]}, "data": data}}


SEVEN = [(136, 82), (273, 82), (191, 341)]


def picture_of(drawing):
    """The canvas's picture, uint8 (420, 420)."""
    data = drawing["drawing"]["data"].partition(",")[2]
    return np.ascontiguousarray(np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))[..., 0])
