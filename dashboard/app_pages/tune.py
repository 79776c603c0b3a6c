"""Tune: one setting or several in many runs; which values are best, what mattered, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.config import ConfigError
from core.data import Dataset
from core.formatting import percent
from core.sweeps import Plan, Sweep
from core.sweeps.plan import value_text
from core.sweeps.results import Group, Trial, best_so_far, in_groups, read_trials
from core.sweeps.sweep import ACTIVE, FINISHED, PAUSED, STOPPED
from core.sweeps.words import sentences
from dashboard.components.actions import note_success, run_action
from dashboard.components.address import recall, remember
from dashboard.components.charts import sweep as charts
from dashboard.components.formatting import STATE_ICONS, duration_in_words
from dashboard.components.how_measured import how_measured
from dashboard.components.machines import show_machines
from dashboard.components.page_head import ABOUT, show_title
from dashboard.components.progress import per_cent_done
from dashboard.components.session import COMPARE_PAGE, dataset, dataset_note, open_sweep, services
from dashboard.components.text import escape_markdown
from dashboard.components.train.settings_form import plan_in_words, what_they_take
from dashboard.components.tune.new_sweep import PAGE, show_new_sweep
from dashboard.components.tune.trials import label_of, show_trials
from dashboard.components.views import view

LOOK_SECONDS, IDLE_SECONDS = 1.0, 3.0
MORE_SEEDS = 5
ENDED = ("finished", "stopped", "failed")  # states of a trial that is through
FEW = 4  # trials, of which the best so far says nothing that the table does not
COMPARED = 10  # trials that the link to Compare names


def page() -> None:
    """The whole page, from top to bottom."""
    sweeps = {sweep.id: sweep for sweep in services().sweeps.sweeps()}
    wanted = recall(PAGE, "sweep")
    chosen = sweeps.get(wanted) if wanted else next(iter(sweeps.values()), None)
    show_title(f"Tune · {chosen.name}" if chosen else "Tune")
    digits = dataset()
    dataset_note(digits)
    if chosen is None:
        if wanted:
            st.warning("This sweep was not found; it may have been deleted.", icon=":material/search_off:")
            choose(sweeps, None)
        st.markdown(ABOUT["Tune"])
        with st.container(border=True):
            st.header("New sweep", anchor=False)
            show_new_sweep(digits)
        show_machines()
        return
    with st.expander("New sweep", icon=":material/add:", key="new_sweep"):
        show_new_sweep(digits)
    choose(sweeps, chosen)
    remember(PAGE, "sweep", chosen.id)
    show(chosen, digits)
    show_machines()


def choose(sweeps: dict[str, Sweep], chosen: Sweep | None) -> None:
    """Choose the sweep that the page shows, where there are others."""
    if not set(sweeps) - {chosen and chosen.id}:
        return
    ids, shown = list(sweeps), chosen and chosen.id
    st.selectbox(
        "Sweep",
        ids,
        ids.index(shown) if shown else None,
        placeholder="Choose a sweep",
        format_func=lambda sweep_id: sweeps[sweep_id].name if sweep_id in sweeps else sweep_id,
        width=420,
        **view("sweep", shown, open_sweep, [*ids, None]),
    )


def show(sweep: Sweep, digits: Dataset) -> None:
    """The chosen sweep: live while it is active."""
    plan, state = sweep.plan, sweep.state
    if plan is None:
        st.error(escape_markdown(state.message), icon=":material/broken_image:")
        return
    if state.message:
        st.warning(escape_markdown(state.message), icon=":material/warning:")
    st.fragment(_follow, run_every=LOOK_SECONDS if state.name == ACTIVE else IDLE_SECONDS)(
        sweep, plan, digits, state.name
    )


def _follow(sweep: Sweep, plan: Plan, digits: Dataset, drawn_as: str) -> None:
    """What changes while trials train."""
    if not sweep.path.is_dir() or sweep.state.name != drawn_as:
        st.rerun()
    trials = read_trials(sweep)
    with st.container(gap="small", key="sweep_state"):
        show_state(sweep, plan, trials, drawn_as)
    groups = in_groups(trials)
    if any(group.accuracies for group in groups):
        show_words(sweep, plan, trials, groups, digits)
        show_charts(plan, trials)
    st.header("Trials", anchor=False)
    show_trials(trials, plan)
    with st.container(horizontal=True, vertical_alignment="center", key="sweep_end"):
        show_link(trials)
        if drawn_as != ACTIVE:
            show_deletion(sweep)
    with how_measured():
        st.markdown(
            "- Trials are judged by the **validation images**, which they were not trained on. The test images have no "
            "part in the choice, so that their number for the chosen one is honest. The classic network is the "
            "exception: it validates on the test images.\n"
            "- Trials that differ in their seed alone are one setting: its mean counts, and its spread is chance.\n"
            "- Two settings are compared by Student's t-test of the differences where both have the same seeds, else "
            "by Welch's. The best of many is best by luck too: repeat it and the second with new seeds."
        )


def show_state(sweep: Sweep, plan: Plan, trials: Sequence[Trial], state: str) -> None:
    """How far it is, and what can be done with it."""
    total, ended = len(plan.points), sum(trial.state in ENDED for trial in trials)
    as_run = "running" if state == ACTIVE else state
    words = [escape_markdown(plan_in_words(plan)), *([f"{total:,} trials"] if state == FINISHED else [])]
    st.markdown(f"{STATE_ICONS[as_run]} **{as_run.capitalize()}** · {' · '.join(words)}")
    left = ""
    times = [trial.seconds for trial in trials if trial.seconds]
    if state == ACTIVE and times and ended < total:
        left = f" · about {duration_in_words(max(1.0, (total - ended) * sum(times) / len(times)))} left"
    failed = sum(trial.state == "failed" for trial in trials)
    if state != FINISHED or failed:
        begun = sum(per_cent_done(trial.run) / 100 for trial in trials if trial.state not in ENDED)
        st.progress(min(1.0, (ended + begun) / total), text=f"{ended:,} of {total:,} trials{left}")
    with st.container(horizontal=True, key="sweep_controls"):
        if state == ACTIVE:
            _button("Pause", "pause", sweep.pause)
            _button("Stop", "stop", sweep.stop)
        elif state in (PAUSED, STOPPED):
            _button("Resume", "play_arrow", sweep.resume, primary=True)
        if failed:
            _button(f"Try {failed} failed again", "replay", sweep.try_failed_again)


def _button(words: str, icon: str, action, *, primary: bool = False) -> None:
    st.button(
        words,
        icon=f":material/{icon}:",
        type="primary" if primary else "secondary",
        key=f"sweep_{icon}",
        on_click=run_action,
        args=(action,),
    )


def show_deletion(sweep: Sweep) -> None:
    """What is kept where the sweep is deleted, and the button that does it; not while it runs."""
    with st.popover("Delete", icon=":material/delete:", key="delete_menu"):
        st.markdown("The sweep is deleted permanently. Its runs are kept.")
        st.button("Delete the sweep", key="delete_sweep", on_click=_delete, args=(sweep,))


def _delete(sweep: Sweep) -> None:
    name = sweep.name
    if run_action(services().sweeps.delete, sweep):
        remember(PAGE, "sweep", "")
        note_success(f"Deleted {name}. Its runs are kept.")


def show_words(sweep: Sweep, plan: Plan, trials: Sequence[Trial], groups: Sequence[Group], digits: Dataset) -> None:
    """Which is best, how sure that is and what mattered, in sentences; and what to do to be surer."""
    with st.container(border=True, key="sweep_words", gap="small"):
        for sentence in sentences(plan, trials):
            st.markdown(sentence)
        if sweep.state.name != FINISHED:
            return
        best = max(groups[0].trials, key=lambda trial: trial.accuracy or 0.0)
        if best.on_test:
            st.caption(
                "The classic network validates on the test images, as its script does: there is no other number."
            )
        elif groups[0].point and best.run.test_accuracy is not None:
            st.markdown(
                f"On the test images, which had no part in this choice, **{escape_markdown(best.name)}** reads "
                f"**{percent(best.run.test_accuracy)}** right."
            )
        known = [group for group in groups if group.accuracies]
        if len(known) > 1:
            again = [group.trials[0].number for group in known[:2]]
            try:
                more = plan.with_seeds(again, MORE_SEEDS)
            except ConfigError:
                return
            extra = Plan(plan.base, more.points[len(plan.points) :])
            st.button(
                f"Repeat the best two with {MORE_SEEDS} new seeds",
                icon=":material/repeat:",
                key="repeat_best",
                help=escape_markdown(what_they_take(extra, digits)),
                on_click=run_action,
                args=(sweep.extend, more),
            )


def show_charts(plan: Plan, trials: Sequence[Trial]) -> None:
    """Each setting against accuracy, and the best so far."""
    known = [trial for trial in trials if trial.accuracy is not None]
    names = [name for name in plan.varied if name != "seed" and len({trial.point[name] for trial in known}) > 1]
    with st.grid(2, min_column_width=380, gap="medium"):
        for name in names:
            with st.container():
                st.subheader(f"Accuracy by {label_of(name).lower()}", anchor=False)
                order = in_order([point[name] for point in plan.points])
                rows = sorted(known, key=lambda trial, name=name, order=order: order.index(trial.point[name]))
                frame = pd.DataFrame(
                    {
                        "value": [value_text(name, trial.point[name]) for trial in rows],
                        "accuracy": [trial.accuracy for trial in rows],
                        "trial": [trial.name for trial in rows],
                    }
                )
                st.vega_lite_chart(charts.effect_chart(frame, label_of(name)))
                st.caption("● one run · ■ the mean of all runs with this value")
        ended = best_so_far(trials)
        if len(ended) <= FEW:
            return
        with st.container():
            st.subheader("Best so far", anchor=False)
            frame = pd.DataFrame(
                {
                    "ended": range(1, len(ended) + 1),
                    "accuracy": [trial.accuracy for trial, _ in ended],
                    "best": [best for _, best in ended],
                    "trial": [trial.name for trial, _ in ended],
                }
            )
            st.vega_lite_chart(charts.progress_chart(frame))


def in_order(values: Sequence) -> list:
    """Each value once: numbers from the smallest on, "all" last; others as they come."""
    found = list(dict.fromkeys(values))
    if all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in found):
        return sorted(found, key=lambda value: (value is None, value))
    return found


def show_link(trials: Sequence[Trial]) -> None:
    """A link to Compare with the best trials."""
    known = sorted((trial for trial in trials if trial.accuracy is not None), key=lambda trial: -trial.accuracy)
    if len(known) > 1:
        ids = ",".join(trial.run.id for trial in known[:COMPARED])
        words = f"Compare the best {COMPARED}" if len(known) > COMPARED else "Compare them"
        st.page_link(COMPARE_PAGE, label=words, icon=":material/compare_arrows:", query_params={"runs": ids})


page()
