"""The whole file: its head, its look on a screen and on paper, and who hands it in."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from core.names import visible
from core.report.html import Html, bold, listed, tag, void
from core.runs import RunError

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"  # a browser loads and runs nothing else

STYLE = """
:root { --ground: #fff; --ink: #1f2933; --muted: #5b6672; --line: #d5dbe1; --soft: #f3f5f7; --blue: #0072b2;
  --orange: #c84e00; color-scheme: light }
@media screen and (prefers-color-scheme: dark) { :root { --ground: #14181d; --ink: #e6eaee; --muted: #a0abb6;
  --line: #39434d; --soft: #1e252c; --blue: #5ab4e8; --orange: #f0925a; color-scheme: dark } }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { margin: 0 auto; padding: 2rem 1.25rem 3rem; max-width: 54rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: break-word }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 2.2rem 0 .6rem; break-after: avoid }
h2 + p { break-inside: avoid; break-after: avoid }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; break-after: avoid }
p, ul { margin: .5rem 0 }
ul { padding-left: 1.3rem }
.note, figcaption, .by { color: var(--muted); font-size: .875rem }
.by { margin: 0 }
.own { margin: 1.2rem 0; padding: .7rem 1rem; border-left: 4px solid var(--blue); background: var(--soft);
  break-inside: avoid }
.own p { margin: .25rem 0 }
.damage { border-left: 4px solid var(--orange); padding: .1rem 1rem; background: var(--soft) }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .75rem 1rem;
  margin: 1rem 0; padding: 0 }
.numbers div { border-top: 2px solid var(--line); padding-top: .3rem; break-inside: avoid }
.numbers dt { color: var(--muted); font-size: .875rem }
.numbers dd { margin: 0; font-size: 1.1rem; font-weight: 600 }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--soft); border: 1px solid var(--line);
  border-radius: 6px; padding: .6rem .8rem; font: .875rem/1.45 ui-monospace, Menlo, Consolas, monospace }
.wide { overflow-x: auto; margin: .6rem 0 }
table { border-collapse: collapse; font-size: .9rem }
th, td { padding: .22rem .7rem .22rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
th { font-weight: 600; color: var(--muted); overflow-wrap: anywhere; min-width: 3.2rem }
tr { break-inside: avoid }
.side td:first-child { white-space: nowrap }
.number, .matrix th { overflow-wrap: normal }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.matrix { font-size: .8rem; border-collapse: separate; border-spacing: 2px }
.matrix th, .matrix td { border: 0; padding: .22rem .3rem; min-width: 2.35rem; text-align: center; border-radius: 3px;
  font-variant-numeric: tabular-nums }
.matrix td.right { background: rgba(0, 114, 178, .2) }
.matrix td.wrong { background: rgba(220, 95, 20, var(--s)) }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1rem 1.5rem }
figure { margin: .6rem 0; break-inside: avoid }
figcaption { margin-top: .2rem }
figure h3 { margin-top: .4rem }
svg { display: block; width: 100%; height: auto; max-width: 30rem }
svg text { fill: var(--muted); font-size: 12.5px }
svg .grid { stroke: var(--line) }
svg .axis { stroke: var(--muted) }
svg .line { fill: none; stroke-width: 2.2; stroke-linejoin: round }
svg .muted { stroke: var(--muted) } svg .blue { stroke: var(--blue) } svg .orange { stroke: var(--orange) }
svg .dot { fill: var(--ground); stroke-width: 1.8 }
svg .bar { fill: var(--blue); fill-opacity: .75 } svg .pale { fill-opacity: .25 }
.key { display: inline-block; margin-right: 1rem; overflow-wrap: anywhere }
.key svg { display: inline-block; width: 28px; vertical-align: middle; margin-right: .3rem }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(7.2rem, 1fr)); gap: .8rem .5rem }
.pictures figure { margin: 0 }
.pictures figcaption { line-height: 1.3; color: var(--ink); font-size: .8rem }
.digit { width: 84px; height: 84px; image-rendering: pixelated; border: 1px solid var(--line); background: #000 }
.weights { break-inside: avoid; grid-template-columns: repeat(auto-fill, minmax(56px, 1fr)); gap: 6px }
.weights img { width: 56px; image-rendering: pixelated; border: 1px solid var(--line); background: #fff }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: .5rem }
@page { size: A4; margin: 16mm 15mm }
@media print { * { print-color-adjust: exact; -webkit-print-color-adjust: exact }
  body { padding: 0; max-width: none; font-size: 10.5pt } .wide { overflow: visible }
  .wide, .charts { break-inside: avoid }
  .charts { grid-template-columns: 1fr 1fr } .matrix { font-size: 8pt } h2 { margin-top: 1.4rem } }
"""


class ReportError(RunError):
    """There is nothing to report of; the message says why and what to do."""


@dataclass(frozen=True)
class Author:
    """Who hands the report in, and what they found, in their own words; "" where nothing was typed."""

    name: str = ""
    words: str = ""


NOBODY = Author()


def section(title: str, *inside: Html | str | None) -> Html | None:
    """A part with a heading; None where nothing is in it."""
    parts = [part for part in inside if part]
    return tag("section", tag("h2", title), *parts) if parts else None


def facts(values: Iterable[tuple[str, str]]) -> Html:
    """A few numbers that stand out, each with its name."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", bold(value))) for name, value in values), class_="numbers")


def damage(flaws: Iterable[str]) -> Html | None:
    """What is damaged or missing, so that the report says less; None where all is well."""
    said = listed(flaws)
    return tag("div", said, class_="damage", role="note") if said else None


def document(kind: str, title: str, author: Author, parts: Iterable[Html | None]) -> bytes:
    """The file.

    Args:
        kind: what it is of, such as "Report of a run".
        title: the name of that.
        author: who hands it in.
        parts: its sections; None is left out.
    """
    name, lines = visible(author.name), [visible(line) for line in author.words.splitlines()]
    by = " · ".join(filter(None, [f"by {name}" if name else "", time.strftime("%Y-%m-%d")]))
    own = [tag("p", line) for line in lines if line]
    head = (
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=POLICY),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="color-scheme", content="light dark"),
        tag("title", " · ".join(filter(None, [title, name]))),
        Html(f"<style>{STYLE}</style>"),
    )
    said = tag("section", *own, class_="own", aria_label="In my own words") if own else None
    body = (
        tag("header", tag("p", f"{kind} {by}", class_="by"), tag("h1", title)),
        tag("main", said, *(part for part in parts if part)),
        tag("footer", tag("p", "Made by Digit Lab, of what was measured.", class_="note")),
    )
    whole = tag("html", tag("head", *head), tag("body", *body), lang="en")
    return f"<!doctype html>\n{whole}\n".encode()
