"""The machines of the cluster that trains, where DIGITLAB_CLUSTER names one."""

from __future__ import annotations

import time

import pandas as pd
import streamlit as st

from core.compute.machines import Machine, cluster_address, has_dispatcher, read_machines
from dashboard.components.formatting import duration_in_words
from dashboard.components.session import store
from dashboard.components.text import escape_markdown
from dashboard.components.whose import full_name

LOOK_SECONDS = 2.0
RECENT_SECONDS = 5.0  # since a sign of life, that is called now


def show_machines() -> None:
    """Show the machines, what they train and when they were last heard of; nothing where runs are trained here."""
    if cluster_address():
        st.header("Machines", anchor=False)
        _table()


@st.fragment(run_every=LOOK_SECONDS)
def _table() -> None:
    found = read_machines(store().home)
    if found.problem:
        st.warning(escape_markdown(found.problem), icon=":material/lan:")
    if found.machines:
        st.dataframe(machines_table(found.machines), hide_index=True, placeholder="–", key="machines")
        return
    address = escape_markdown(cluster_address())
    if not has_dispatcher(store().home):
        st.caption(f"Connecting to {address}.")
    elif not found.problem:
        st.caption(f"No machine has joined {address} yet.")


def machines_table(machines: tuple[Machine, ...]) -> pd.DataFrame:
    """One row a machine, by name; reasons where there are any."""
    rows = sorted(machines, key=lambda machine: machine.name)
    table = pd.DataFrame(
        {
            "Machine": [machine.name for machine in rows],
            "State": [_state(machine) for machine in rows],
            "Cores": [machine.cores for machine in rows],
            "Trains": [_trains(machine) for machine in rows],
            "Last sign of life": [_ago(time.time() - machine.seen) for machine in rows],
            "Reason": [machine.gone or machine.refused for machine in rows],
        }
    )
    return table if table["Reason"].any() else table.drop(columns="Reason")


def _state(machine: Machine) -> str:
    if machine.gone:
        return "Gone"
    if machine.refused:
        return "Takes no more runs"
    return "Training" if machine.trains or machine.others else "Ready"


def _trains(machine: Machine) -> str:
    runs = filter(None, map(store().get, machine.trains))
    others = [f"{machine.others} of others"] if machine.others else []
    return ", ".join([*map(full_name, runs), *others]) or "–"


def _ago(seconds: float) -> str:
    return "now" if seconds < RECENT_SECONDS else f"{duration_in_words(seconds)} ago"
