"""From a drawing, a photo or an upload to an image as MNIST's are made."""

from __future__ import annotations

from core.drawing.normalise import NO_INK, DrawingSteps, drawing_steps, normalise_drawing, plain_resize, shrink

__all__ = ["NO_INK", "DrawingSteps", "drawing_steps", "normalise_drawing", "plain_resize", "shrink"]
