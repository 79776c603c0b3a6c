"""Widgets that show what is kept elsewhere, with a browser that sends an old value once more."""

from streamlit.testing.v1 import AppTest


def two_views():
    import streamlit as st

    from dashboard.components.views import view

    kept = st.session_state.setdefault("kept", "a")
    keep = lambda value: st.session_state.update(kept=value)  # noqa: E731
    st.text_input("One", kept, **view("one", kept, keep))
    st.text_input("Other", kept, **view("other", kept, keep))


def shown(at):
    return [field.value for field in at.text_input]


def test_what_one_view_is_told_the_other_shows_and_the_first_keeps_its_key():
    at = AppTest.from_function(two_views, default_timeout=60).run()
    key = at.text_input[0].key
    at.text_input[0].set_value("b").run()
    assert shown(at) == ["b", "b"]
    assert at.text_input[0].key == key  # so it keeps the focus
    at.text_input[1].set_value("c").run()
    assert shown(at) == ["c", "c"]


def test_a_callback_that_is_disturbed_runs_to_its_end_and_its_field_keeps_its_key():
    def disturbed():
        import streamlit as st
        from streamlit.runtime.scriptrunner import get_script_run_ctx
        from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

        from dashboard.callbacks import let_callbacks_finish
        from dashboard.components.address import recall, remember
        from dashboard.components.views import view

        let_callbacks_finish()
        kept = recall("page", "rate", "0.1")

        def keep(value):
            runner = get_script_run_ctx().yield_check.__self__
            remember("page", "rate", value)
            runner.request_rerun(RerunData())  # as if something else was clicked at this moment
            st.session_state["at_its_end"] = value
            remember("page", "also", value)

        st.text_input("Rate", kept, **view("rate", kept, keep))

    at = AppTest.from_function(disturbed, default_timeout=60).run()
    key = at.text_input[0].key
    at.text_input[0].set_value("0.2").run()
    assert not at.exception
    assert at.session_state["at_its_end"] == at.session_state["page_also"] == "0.2"
    assert (at.text_input[0].value, at.text_input[0].key) == ("0.2", key)


def test_what_the_slider_said_is_kept_also_where_its_callback_was_skipped():
    def slider():
        import streamlit as st

        from dashboard.components.widgets.epochs_field import epochs_field

        kept = st.session_state.setdefault("kept", "67")
        epochs_field(kept, lambda text: st.session_state.update(kept=text), wrong=False)

    at = AppTest.from_function(slider, default_timeout=60).run()
    at.session_state["epochs_field"] = {"epochs": {"text": "98", "version": 0}}
    at.run()
    assert not at.exception
    assert at.session_state["kept"] == "98"
    assert at.session_state["epochs_version"] == [0, "98"]  # the browser's own text: it is not told it again


def test_what_a_late_browser_says_for_a_widget_that_is_gone_is_no_error():
    def gone():
        import streamlit as st

        from dashboard.components.views import view

        kept = st.session_state.setdefault("kept", "a")
        shown = view("one", kept, lambda value: st.session_state.update(kept=value))
        if "left" in st.session_state:
            shown["on_change"](*shown["args"])  # its key is not in the session
        else:
            st.text_input("One", kept, **shown)

    at = AppTest.from_function(gone, default_timeout=60).run()
    at.session_state["left"] = True
    at.run()
    at.run()
    assert not at.exception
    assert at.session_state["kept"] == "a"


def test_an_old_value_that_the_browser_sends_once_more_undoes_nothing():
    at = AppTest.from_function(two_views, default_timeout=60).run()
    old = at.text_input[1]
    at.text_input[0].set_value("b").run()
    at.session_state[old.key] = "a"  # what the widget before said, as if it came late
    at.run()
    assert at.session_state["kept"] == "b"
    assert shown(at) == ["b", "b"]


def test_a_choice_whose_callback_was_left_out_is_kept_when_the_page_is_drawn():
    at = AppTest.from_function(two_views, default_timeout=60).run()
    at.session_state[at.text_input[0].key] = "b"  # the value came, and its callback did not
    at.run()
    assert at.session_state["kept"] == "b"
    assert shown(at) == ["b", "b"]
