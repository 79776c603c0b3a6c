"""What a lesson can point at: the pages by their names in addresses, and parts of pages by a name."""

from __future__ import annotations

PAGES = {
    name: f"app_pages/{name}.py"
    for name in (
        "train",
        "learn",
        "predictions",
        "confidence",
        "compare",
        "map",
        "inside",
        "robustness",
        "draw",
        "export",
    )
}


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None


BOUND = {  # words of addresses that widgets keep, and what makes a widget's value of their text
    **dict.fromkeys(("part", "epoch", "source", "image", "show", "order", "only"), str),
    **dict.fromkeys(("label", "prediction", "page"), _whole),
}
HIGHLIGHTS = {  # CSS selectors
    "epochs": ".st-key-new_run .st-key-epochs_field",
    "model": ".st-key-new_run [data-testid=stButtonGroup]:not(.st-key-add_dataset *)",
    "augment": ".st-key-new_run [data-testid=stCheckbox]",
    "start": ":is(.st-key-start, .st-key-start_here)",
    "new run": ".st-key-new_run",
    "dataset": ".st-key-new_run .st-key-dataset_choice",
    "layers": ".st-key-new_run .st-key-network_layers",
    "more settings": ".st-key-new_run .st-key-group_More-settings",
    "training": ".st-key-new_run .st-key-group_Try--training",
    "data": ".st-key-new_run .st-key-group_Try--data",
    "numbers": ".st-key-run_numbers",
    "charts": ".st-key-run_charts",
    "gallery": ".st-key-digits_and_more .st-key-gallery",
    "matrix": ".st-key-matrix",
    "units": ".st-key-inside_units",
    "table": ".st-key-on_screen",
    "curves": ".st-key-compared_curves",
    "verdict": ".st-key-pair_verdict",
    "sure mistakes": ".st-key-wrong_extremes",
    "robustness": ":is(.st-key-robustness_status, [data-testid=stMetric])",
    "drawing": ".st-key-drawing",
    "tools": ".st-key-tool_tab",
    "modes": ".st-key-mode",
    "curve words": ".st-key-curve_words",
    "weights": ".st-key-weights_wall",
    "time machine": ".st-key-time_machine",
    "probabilities": ".st-key-inside_answer",
}
