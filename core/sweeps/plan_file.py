"""What a sweep's sweep.json holds: the number of the folder's format, and the plan."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from core.config import ConfigError, TrainingConfig
from core.names import MOST, visible
from core.sweeps.halving import Halving
from core.sweeps.plan import Plan

FORMAT = 2  # of the sweeps that this version reads
FIRST_FORMAT = 1  # which one has that uses nothing newer, so that earlier versions read it too


def plan_values(plan: Plan) -> dict:
    """What sweep.json holds of a plan."""
    halving = asdict(plan.halving) if plan.halving else None
    others = {
        "minutes": plan.minutes,
        "halving": halving,
        "space": {name: list(values) for name, values in plan.space.items()},
        "trials": plan.trials,
    }
    others = {name: value for name, value in others.items() if value}
    return {
        "format": FORMAT if others else FIRST_FORMAT,
        "name": plan.name,
        "base": plan.base.as_dict(),
        "points": [dict(point) for point in plan.points],
        **others,
    }


def read_plan(values: Any) -> Plan | None:
    """The plan that a sweep.json holds, None where it holds none that this version can follow."""
    if not isinstance(values, dict) or values.get("format") not in (FIRST_FORMAT, FORMAT):
        return None
    if not isinstance(values.get("points"), list):
        return None
    points = [point for point in values["points"] if isinstance(point, dict) and set(point) <= _SETTINGS]
    name = values.get("name")
    if len(points) != len(values["points"]) or len({tuple(point) for point in points}) != 1:
        return None
    try:
        plan = Plan(
            TrainingConfig.from_dict(values.get("base")),
            tuple({name: _hashable(value) for name, value in point.items()} for point in points),
            visible(name)[:MOST] if isinstance(name, str) and visible(name) else "Sweep",
            minutes=values.get("minutes"),
            trials=values.get("trials"),
            halving=Halving(**values["halving"]) if values.get("halving") else None,
            space={name: tuple(map(_hashable, found)) for name, found in (values.get("space") or {}).items()},
        )
        return plan if plan.configs else None
    except (ConfigError, TypeError, AttributeError):
        return None


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_SETTINGS = set(TrainingConfig.__dataclass_fields__)
