"""Sweeps: many runs that differ in what is asked about, each an ordinary run, begun one after the other."""

from core.sweeps.plan import Plan as Plan
from core.sweeps.plan import SweepError as SweepError
from core.sweeps.plan import every_combination as every_combination
from core.sweeps.sweep import Sweep as Sweep
from core.sweeps.sweep import SweepStore as SweepStore
