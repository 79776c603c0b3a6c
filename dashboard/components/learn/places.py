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
HIGHLIGHTS = {  # CSS selectors
    "epochs": ".st-key-new_run .st-key-epochs_field",
    "model": ".st-key-new_run [data-testid=stButtonGroup]",
    "augment": ".st-key-new_run [data-testid=stCheckbox]",
    "start": ".st-key-start",
    "new run": ".st-key-new_run",
    "more settings": ".st-key-group_More-settings",
    "try training": ".st-key-group_Try--training",
    "layers": ".st-key-network_field",
    "curves": ".st-key-run_charts",
    "curve words": ".st-key-curve_words",
    "confusion matrix": ".st-key-matrix",
    "runs": ".st-key-on_screen",
    "weights": ".st-key-weights_wall",
    "time machine": ".st-key-time_machine",
    "units": ".st-key-inside_units",
    "probabilities": ".st-key-inside_answer",
}
