"""Tune: one setting or several in many runs; which values are best, what mattered, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from core.compute.machines import seconds_for
from core.config import parse_whole
from core.data import Dataset
from core.formatting import percent
from core.people import may_change
from core.sweeps import Plan, Sweep
from core.sweeps.plan import MOST_TRIALS
from core.sweeps.results import Group, Trial, in_groups, read_trials
from core.sweeps.sweep import ACTIVE, FINISHED, PAUSED, STOPPED
from core.sweeps.words import sentences
from dashboard.components.actions import note_success, run_action
from dashboard.components.activity import go_to
from dashboard.components.address import recall, remember
from dashboard.components.compare.run_choice import MOST_FOUND
from dashboard.components.fields import MOST_TYPED
from dashboard.components.formatting import STATE_ICONS, duration_in_words
from dashboard.components.how_measured import how_measured
from dashboard.components.machines import show_machines
from dashboard.components.page_head import ABOUT, show_title
from dashboard.components.progress import per_cent_done
from dashboard.components.report import show_report
from dashboard.components.session import COMPARE_PAGE, dataset_named, dataset_note, open_sweep, services
from dashboard.components.text import escape_markdown
from dashboard.components.train.settings import chosen_dataset
from dashboard.components.train.settings_form import epochs_in_words, varied_in_words, what_they_take
from dashboard.components.tune.findings import show_charts, show_together
from dashboard.components.tune.new_sweep import PAGE, minutes_in, show_new_sweep
from dashboard.components.tune.trials import show_trials
from dashboard.components.views import view
from dashboard.components.whose import listed, own, owners_behind, show_whose

LOOK_SECONDS, IDLE_SECONDS = 1.0, 3.0
MORE_SEEDS = 5
ENDED = ("finished", "stopped", "failed")  # states of a trial that is through
EARLY = (
    "\n- Trials that were stopped early have learned for fewer epochs than the others, so their accuracy is in the "
    "table alone: it counts in no mean, no chart and no choice. A setting of which only some seeds were stopped keeps "
    "its better ones, and may look better than it is; the repeats train all to their end."
)


def page() -> None:
    """The whole page, from top to bottom."""
    wanted = recall(PAGE, "sweep")
    sweeps = {sweep.id: sweep for sweep in listed(services().sweeps.sweeps(), wanted)}
    chosen = sweeps.get(wanted) if wanted else next(iter(own(sweeps.values())), None)
    show_title(f"Tune · {chosen.name}" if chosen else "Tune")
    plan, next_digits = chosen.plan if chosen else None, dataset_named(chosen_dataset())
    digits = dataset_named(plan.base.dataset) if plan else next_digits
    dataset_note(digits)
    if chosen is None:
        if wanted:
            st.warning("This sweep was not found; it may have been deleted.", icon=":material/search_off:")
        choose(sweeps, None)
        st.markdown(ABOUT["Tune"])
        with st.container(border=True):
            st.header("New sweep", anchor=False)
            show_new_sweep(next_digits)
        show_machines()
        return
    with st.expander("New sweep", icon=":material/add:", key="new_sweep"):
        show_new_sweep(next_digits)
    choose(sweeps, chosen)
    remember(PAGE, "sweep", chosen.id)
    show(chosen, digits)
    if chosen.plan is not None:
        show_report(chosen.id, f"{chosen.id}-report.html", partial(make_report, chosen, digits))
    show_machines()


def make_report(sweep: Sweep, digits: Dataset, name: str, words: str) -> bytes:
    """The report of the sweep, by somebody of this name and with their words."""
    from core.report import Author, sweep_report

    return sweep_report(sweep, digits, Author(name, words))


def choose(sweeps: dict[str, Sweep], chosen: Sweep | None) -> None:
    """Choose the sweep that the page shows, where there are others."""
    if not set(sweeps) - {chosen and chosen.id}:
        return
    ids, shown, behind = list(sweeps), chosen and chosen.id, owners_behind(sweeps.values())
    st.selectbox(
        "Sweep",
        ids,
        ids.index(shown) if shown else None,
        placeholder="Choose a sweep",
        format_func=lambda sweep_id: sweeps[sweep_id].name + behind[sweep_id] if sweep_id in sweeps else sweep_id,
        width=420,
        **view("sweep", shown, open_sweep, [*ids, None]),
    )


def show(sweep: Sweep, digits: Dataset) -> None:
    """The chosen sweep: live while it is active."""
    plan, state = sweep.plan, sweep.state
    show_whose(sweep)
    if plan is None:
        st.error(escape_markdown(state.message), icon=":material/broken_image:")
    elif state.message and state.name == FINISHED:
        st.info(escape_markdown(state.message), icon=":material/timer_off:")
    elif state.message:
        st.warning(escape_markdown(state.message), icon=":material/warning:")
    st.fragment(_follow, run_every=LOOK_SECONDS if state.name == ACTIVE else IDLE_SECONDS)(
        sweep, plan, digits, state.name
    )


def _follow(sweep: Sweep, plan: Plan | None, digits: Dataset, drawn_as: str) -> None:
    """What changes while trials train; a sweep without a plan is damaged, or was deleted a moment ago."""
    if not sweep.path.is_dir() or sweep.state.name != drawn_as:
        st.rerun()
    is_changeable = may_change(sweep.owner)
    if plan is None:
        if is_changeable:
            show_deletion(sweep)
        return
    trials = read_trials(sweep)
    with st.container(gap="small", key="sweep_state"):
        show_state(sweep, plan, trials, drawn_as, digits)
    groups, goes_on = in_groups(trials), drawn_as == ACTIVE
    if goes_on:  # what moves comes first
        _show_table(trials, plan)
    if goes_on or any(group.accuracies for group in groups):
        show_words(sweep, plan, trials, groups, digits, drawn_as)
        show_charts(sweep, plan, trials)
        show_together(sweep, plan, trials)
    if not goes_on:
        _show_table(trials, plan)
    with st.container(horizontal=True, vertical_alignment="center", key="sweep_end"):
        show_link(trials)
        if drawn_as != ACTIVE and is_changeable:
            show_deletion(sweep)
    with how_measured():
        st.markdown(
            "- Trials are judged by the **validation images**, which they were not trained on. The test images have no "
            "part in the choice, so that their number for the chosen one is honest. The classic network is the "
            "exception: it validates on the test images.\n"
            "- Trials that differ in their seed alone are one setting: its mean counts, and its spread is chance.\n"
            "- Two settings are compared by Student's t-test of the differences where both have the same seeds, else "
            "by Welch's. The best of many is best by luck too: repeat it and the second with new seeds."
            + EARLY
            * (plan.halving is not None or any(trial.early is not None for trial in trials))
        )


def _show_table(trials: Sequence[Trial], plan: Plan) -> None:
    st.header("Trials", anchor=False)
    show_trials(trials, plan)


def trained_in_words(plan: Plan, trials: Sequence[Trial], digits: Dataset) -> str:
    """What all trials have in common: "Linear, 2 epochs, MNIST"; the dataset is theirs, before there is one today's."""
    known = (trial.run.dataset.get("name") for trial in trials)
    return ", ".join(
        [
            *([] if "model" in plan.varied else [plan.base.title]),
            *([] if "epochs" in plan.varied else [epochs_in_words(plan.base.epochs)]),
            next((str(name) for name in known if name), digits.name),
        ]
    )


def show_state(sweep: Sweep, plan: Plan, trials: Sequence[Trial], state: str, digits: Dataset) -> None:
    """What is trained, how far it is, and what can be done with it."""
    total, ended = plan.count, sum(trial.state in ENDED for trial in trials)
    as_run = "running" if state == ACTIVE else state
    words = [trained_in_words(plan, trials, digits), varied_in_words(plan)]
    if state == FINISHED and not plan.trials:
        words.append(f"{total:,} trial{'s' * (total != 1)}")
    said = escape_markdown(" · ".join(filter(None, words)))
    st.markdown(f"{STATE_ICONS[as_run]} **{as_run.capitalize()}** · {said}")
    left = "" if plan.minutes is None else f" · {duration_in_words(sweep.seconds)} of {plan.minutes:,g} min"
    times = [trial.seconds for trial in trials if trial.seconds]
    if state == ACTIVE and times and ended < total:
        seconds = max(1.0, seconds_for(sweep.runs.home, sum(times) / len(times), total - ended))
        if plan.minutes is not None:
            seconds = min(seconds, max(1.0, 60 * plan.minutes - sweep.seconds))
        left += f" · about {duration_in_words(seconds)} left"
    failed = sum(trial.state == "failed" for trial in trials)
    if state != FINISHED or failed or ended < total:
        begun = sum(per_cent_done(trial.run) / 100 for trial in trials if trial.state not in ENDED)
        st.progress(min(1.0, (ended + begun) / total), text=f"{ended:,} of {total:,} trials{left}")
    if not may_change(sweep.owner):
        return
    with st.container(horizontal=True, key="sweep_controls"):
        if state == ACTIVE:
            _button("Pause", "pause", sweep.pause)
            _button("Stop", "stop", sweep.stop)
        elif state in (PAUSED, STOPPED):
            _button("Resume", "play_arrow", sweep.resume, primary=True)
        if failed:
            _button(f"Try {failed} failed again", "replay", sweep.try_failed_again)
        if plan.space or plan.minutes is not None:
            show_budget(sweep, plan)


def _button(words: str, icon: str, action, *, primary: bool = False) -> None:
    st.button(
        words,
        icon=f":material/{icon}:",
        type="primary" if primary else "secondary",
        key=f"sweep_{icon}",
        on_click=run_action,
        args=(action,),
    )


def show_budget(sweep: Sweep, plan: Plan) -> None:
    """More trials, where they are drawn, and other minutes; the sweep then goes on."""
    words = "More trials or minutes" if plan.space else "More minutes"
    with st.popover(words, icon=":material/more_time:", key="budget_menu"), st.form("budget", border=False):
        if plan.space:
            st.text_input("Trials in all", f"{plan.count}", MOST_TYPED, key="budget_trials")
        minutes = "" if plan.minutes is None else f"{plan.minutes:g}"
        st.text_input("Minutes in all", minutes, MOST_TYPED, key="budget_minutes", placeholder="no limit")
        st.form_submit_button("Go on", icon=":material/play_arrow:", on_click=run_action, args=(_set_budget, sweep))


def _set_budget(sweep: Sweep) -> None:
    trials = st.session_state.get("budget_trials")
    sweep.set_budget(
        None if trials is None else parse_whole(trials), minutes_in(st.session_state["budget_minutes"]) or 0.0
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


def show_words(
    sweep: Sweep, plan: Plan, trials: Sequence[Trial], groups: Sequence[Group], digits: Dataset, state: str
) -> None:
    """Which is best, how sure that is and what mattered, in sentences; and what to do to be surer."""
    is_active = state == ACTIVE
    with st.container(border=True, key="sweep_words_for_now" if is_active else "sweep_words", gap="small"):
        for sentence in sentences(plan, trials) or ["No trial has ended yet. The best values will be named here."]:
            st.markdown(sentence)
        if is_active:
            return
        best = max(groups[0].trials, key=lambda trial: trial.accuracy or 0.0)
        if state != FINISHED:
            _show_opening(best)
            return
        if best.on_test:
            st.caption(
                "The classic network validates on the test images, as its script does: there is no other number."
            )
        elif groups[0].point and best.run.test_accuracy is not None:
            st.markdown(
                f"On the test images, which had no part in this choice, **{escape_markdown(best.name)}** reads "
                f"**{percent(best.run.test_accuracy)}** right."
            )
        with st.container(horizontal=True):
            _show_opening(best)
            known = [group for group in groups if group.accuracies]
            again = [group.trials[0].number for group in known[:2]]
            extra = Plan(plan.base, plan.repeats(again, MORE_SEEDS))
            if may_change(sweep.owner) and len(known) > 1 and sweep.begun + len(extra.points) <= MOST_TRIALS:
                st.button(
                    f"Repeat the best two with {MORE_SEEDS} new seeds",
                    icon=":material/repeat:",
                    key="repeat_best",
                    help=escape_markdown(what_they_take(extra, digits)),
                    on_click=run_action,
                    args=(_repeat, sweep, again),
                )


def _show_opening(best: Trial) -> None:
    """The button that opens the best trial: until it is clicked, other pages show the run that they showed."""
    st.button(
        f"Open the best trial, {escape_markdown(best.name)}",
        icon=":material/arrow_forward:",
        key="open_best",
        on_click=go_to,
        args=(best.run.id,),
    )


def _repeat(sweep: Sweep, numbers: list[int]) -> None:
    sweep.extend(sweep.plan.cut(sweep.begun).with_seeds(numbers, MORE_SEEDS))


def show_link(trials: Sequence[Trial]) -> None:
    """A link to Compare with the best trials."""
    known = sorted((trial for trial in trials if trial.accuracy is not None), key=lambda trial: -trial.accuracy)
    if len(known) > 1:
        ids = ",".join(trial.run.id for trial in known[:MOST_FOUND])
        words = f"Compare the best {MOST_FOUND}" if len(known) > MOST_FOUND else "Compare them"
        st.page_link(COMPARE_PAGE, label=words, icon=":material/compare_arrows:", query_params={"runs": ids})


page()
