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
}
