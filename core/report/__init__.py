"""One HTML file to hand in or to print, of a run, two runs, a sweep or a lesson; it loads nothing from elsewhere."""

from core.report.comparison import comparison_report
from core.report.document import Author, ReportError
from core.report.lesson import Question, lesson_report
from core.report.run import run_report
from core.report.sweep import sweep_report

__all__ = [
    "Author",
    "Question",
    "ReportError",
    "comparison_report",
    "lesson_report",
    "run_report",
    "sweep_report",
]
