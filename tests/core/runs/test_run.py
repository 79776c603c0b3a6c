"""Run folders: what they say, what may be done with a run in which state, and what damage does."""

import json
import multiprocessing
import sys
import time
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.config import TrainingConfig
from core.runs import History, Run, RunError, RunStore

DENSE = TrainingConfig("dense", epochs=4)


def files(run):
    return {path.name for path in run.path.iterdir()}


def test_a_new_run_waits_with_its_config_a_name_and_its_epochs(store):
    run = store.create(DENSE)
    second = store.create(DENSE)
    named = store.create(TrainingConfig("cnn"), "My first CNN")
    assert (run.name, second.name, named.name) == ("Dense 1", "Dense 2", "My first CNN")
    assert run.config == DENSE
    assert (run.state.name, run.state.target_epochs, run.state.is_active) == ("queued", 4, True)
    assert files(run) == {"config.json", "name.json", "state.json"}
    assert {run.id for run in store.runs()} == {run.id, second.id, named.id}
    assert store.get(run.id).path == run.path
    assert (run.summary, run.test_accuracy, run.probabilities(), run.has_model) == (None, None, None, False)
    assert (run.history().epochs, run.history().phase, run.history().last_batch) == ((), "waiting", {})


def test_a_name_that_cannot_be_leaves_no_folder_behind(store):
    with pytest.raises(RunError, match="1 to 60"):
        store.create(DENSE, "x" * 61)
    assert list(store.folder.iterdir()) == []


def test_runs_are_in_the_order_in_which_they_were_made_whatever_the_clock_says(store, monkeypatch):
    (store.folder / "20361231-235958-dense-0000").mkdir(parents=True)  # by a clock ten years ahead, as old ids are
    made = [store.create(DENSE) for _ in range(3)]
    monkeypatch.setattr("core.runs.run.time.time", lambda: 0.0)  # the clock falls back
    made += [store.create(DENSE) for _ in range(2)]
    assert [run.id for run in store.runs()] == [run.id for run in made[::-1]] + ["20361231-235958-dense-0000"]
    assert [run.id for run in store.queued()] == [run.id for run in made]


def test_ids_are_given_in_utc(store, monkeypatch):
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")  # 14 hours ahead
    time.tzset()
    try:
        run = store.create(DENSE)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert run.id[:11] == time.strftime("%Y%m%d-%H", time.gmtime(run.state.since))


def test_an_automatic_name_never_comes_again_also_when_its_run_was_deleted(store):
    first, second = store.create(DENSE), store.create(DENSE)
    store.create(TrainingConfig("cnn"), "Dense 7")
    store.delete(second)
    third = store.create(DENSE)
    assert (first.name, third.name) == ("Dense 1", "Dense 8")
    store.delete(third)
    (store.home / "names.json").write_text('{"dense": "many"}')
    assert store.create(DENSE).name == "Dense 8"  # damaged: at least not one that is there
    assert store.create(DENSE).name == "Dense 9"


def test_each_title_counts_its_own_runs_whatever_network_a_custom_one_began_from(store):
    layers = "flatten, dense 9, output"
    configs = [
        TrainingConfig(),
        TrainingConfig("cnn", network=layers),
        TrainingConfig(),
        TrainingConfig(network=layers),
    ]
    runs = [store.create(config) for config in configs]
    assert [run.name for run in runs] == ["Classic 1", "Custom 1", "Classic 2", "Custom 2"]
    store.delete(runs[-1])
    assert store.create(TrainingConfig("dense", network=layers)).name == "Custom 3"


def test_the_time_left_follows_the_clock_and_one_slow_second_hardly_moves_it():
    def told(seconds_each):
        times = np.cumsum(seconds_each)
        batches = [
            {"step": step, "position": step / 10, "time": 1e9 + time, "images_per_second": 1000.0}
            for step, time in enumerate(times, start=1)
        ]
        return History(tuple(batches), (), "training", epoch_images=1000).seconds_left(10)

    steady = told([5.0] + [0.2] * 49)  # the first includes compilation
    assert steady == pytest.approx(50 * 0.2)
    assert steady < told([5.0] + [0.2] * 48 + [1.2]) < 1.2 * steady
    assert told([5.0]) is None
    assert told([5.0] + [0.9] * 3) is None
    assert told([5.0] + [0.9] * 4) == pytest.approx(9.5 * 9)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["create", "create", "fine-tune", "delete", "rename"]), st.integers(0, 9)),
        max_size=10,
    )
)
def test_automatic_names_never_repeat_whatever_is_renamed_and_deleted_between(tmp_path_factory, steps):
    store, given_names = RunStore(tmp_path_factory.mktemp("home")), []
    for what, number in steps:
        runs = store.runs()
        if what == "create":
            given_names.append(store.create(DENSE).name)
        elif what == "fine-tune":
            given_names.append(store.create(DENSE, stem="Dense 1, my digits").name)
        elif runs and what == "delete":
            store.delete(runs[number % len(runs)])
        elif runs:
            runs[number % len(runs)].rename(f"Dense {number}")
    assert len(set(given_names)) == len(given_names)


def test_two_who_create_runs_at_once_get_names_and_ids_of_their_own(store):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: RunStore(store.home).create(DENSE), range(16)))
    assert {run.name for run in made} == {f"Dense {number}" for number in range(1, 17)}
    assert len({run.id[:15] for run in made}) == 16


def leave_requests(path, name):
    """In a process of its own: fifty requests that keep each other's values."""
    for number in range(50):
        Run(path).request(**{f"{name}_{number}": number})


@pytest.mark.slow
def test_requests_that_meet_from_two_processes_are_all_heard(store, monkeypatch):
    run = store.create(DENSE)
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))  # else a page that ran here runs there
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=leave_requests, args=(run.path, name)) for name in ("one", "two")]
    for other in others:
        other.start()
    leave_requests(run.path, "here")
    for other in others:
        other.join()
    assert len(run.control) == 3 * 50


def test_a_name_that_is_no_text_is_refused_and_one_in_a_file_is_repaired(store):
    run = store.create(DENSE, "Good")
    with pytest.raises(RunError, match="not valid UTF-8"):
        run.rename("caf\udce9")
    assert run.name == "Good"
    (run.path / "name.json").write_text('{"name": "caf\\udce9"}')
    assert run.name == "caf?"


def test_a_home_without_runs_has_none(tmp_path):
    store = RunStore(tmp_path / "nowhere")
    assert (store.runs(), store.queued(), store.best(), store.get("20261123-120000-seed-0000")) == ([], [], None, None)
    assert not store.home.exists()


@pytest.mark.parametrize(
    "run_id", [None, "", ".", "..", "../runs", "../../secret", "a/b", "a\\b", "/tmp", ".hidden", "a" * 65, "a\n", "a b"]
)
def test_an_id_that_is_a_path_or_hidden_is_no_run(store, run_id):
    store.folder.mkdir(parents=True)
    for name in (".hidden", "a" * 65, "a b"):
        (store.folder / name).mkdir()
    (store.folder / "a" / "b").mkdir(parents=True)
    (store.home.parent / "secret").mkdir()
    assert store.get(run_id) is None
    assert [run.id for run in store.runs()] == ["a"]


def test_the_queue_is_first_come_first_served_and_a_resumed_run_comes_last(store):
    first, second, third = (store.create(DENSE) for _ in range(3))
    first.pause()
    first.resume()
    assert [run.id for run in store.queued()] == [second.id, third.id, first.id]


def test_a_queued_run_leaves_the_queue_when_paused_or_stopped_and_comes_back_when_resumed(store):
    run = store.create(DENSE)
    run.pause()
    assert (run.state.name, store.queued()) == ("paused", [])
    run.resume()
    assert (run.state.name, run.state.target_epochs, run.state.resumes) == ("queued", 4, True)
    assert run.control["request"] is None
    run.stop()
    assert run.state.name == "paused"  # nothing was learned that could be kept
    run.resume()
    (run.path / "model.tflite").touch()
    run.stop()
    assert run.state.name == "stopped"


def test_a_run_in_training_is_asked_and_its_worker_answers(store):
    run = store.create(DENSE)
    with run.lock():
        run.set_state("running")
        run.request(learning_rate=0.01)
        run.pause()
        assert run.state.name == "running"
        assert run.control == {"learning_rate": 0.01, "request": "pause"}
        run.stop()
        assert run.control == {"learning_rate": 0.01, "request": "stop"}


def test_a_running_run_without_a_worker_is_interrupted_and_can_be_resumed(store):
    run = store.create(DENSE)
    with run.lock():
        run.set_state("running")
        assert (run.has_worker(), run.state.name, run.state.is_active) == (True, "running", True)
        with pytest.raises(RunError, match="running"):
            run.resume()
    assert (run.has_worker(), run.state.name, run.state.is_active) == (False, "interrupted", False)
    run.resume()
    assert (run.state.name, run.state.target_epochs) == ("queued", 4)


@pytest.mark.parametrize("name", ["paused", "stopped", "failed"])
def test_an_ended_run_resumes_to_its_own_target_or_is_extended_by_what_is_asked(store, name):
    run = store.create(DENSE)
    for epoch in (1, 2):
        run.append_event("epoch", step=10 * epoch, epoch=epoch)
    run.set_state(name)
    run.resume()
    assert (run.state.name, run.state.target_epochs) == ("queued", 4)
    run.set_state(name)
    run.extend(3)
    assert (run.state.name, run.state.target_epochs, run.state.resumes) == ("queued", 2 + 3, True)
    run.set_state("running")
    assert run.state.target_epochs == 5


def test_what_cannot_be_done_is_refused_with_what_to_do_instead(store):
    run = store.create(DENSE)
    with pytest.raises(RunError, match="queued cannot be resumed"):
        run.resume()
    with pytest.raises(RunError, match="queued cannot be trained further"):
        run.extend(1)
    run.set_state("finished")
    with pytest.raises(RunError, match=r"finished\. Train more epochs instead"):
        run.resume()
    for epochs in (0, 201, -1):
        with pytest.raises(RunError, match=f"1 to 200 more epochs, not {epochs}"):
            run.extend(epochs)
    (run.path / "config.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        run.resume()
    with pytest.raises(RunError, match="damaged"):
        run.extend(1)


def test_a_name_has_1_to_60_characters_without_spaces_around(store):
    run = store.create(DENSE)
    for given_name, name in (("a", "a"), ("x" * 60, "x" * 60), ("  two \n words ", "two words")):
        run.rename(given_name)
        assert run.name == name
    for refused in ("", "  \t", "x" * 61):
        with pytest.raises(RunError, match="1 to 60"):
            run.rename(refused)
    assert run.name == "two words"


def test_a_run_is_discarded_until_it_is_resumed(store):
    run, resumed = store.create(DENSE), store.create(DENSE)
    run.discard()
    assert (run.is_discarded, run.control["request"]) == (True, "stop")
    resumed.discard()
    resumed.resume()
    assert not resumed.is_discarded


def test_a_run_with_a_worker_is_not_deleted_and_a_deleted_one_does_not_come_back(store):
    run, other = store.create(DENSE), store.create(DENSE)
    with run.lock(), pytest.raises(RunError, match="Stop it first"):
        store.delete(run)
    assert store.get(run.id).config == DENSE
    store.delete(run)
    assert (run.state.name, run.has_worker(), run.log_tail()) == ("damaged", False, "")
    assert store.get(run.id) is None
    assert [path.name for path in store.folder.iterdir()] == [other.id]


def test_the_best_run_is_the_one_with_the_highest_test_accuracy(store):
    runs = [store.create(DENSE) for _ in range(4)]
    for run, accuracy in zip(runs, (0.91, 0.97, "0.99"), strict=False):
        (run.path / "summary.json").write_text(json.dumps({"test_accuracy": accuracy}))
    assert store.best().id == runs[1].id


def test_the_log_tail_is_the_last_lines_even_of_bytes_that_are_no_text(store):
    run = store.create(DENSE)
    (run.path / "log.txt").write_bytes(b"\n".join([b"line %d" % number for number in range(20)] + [b"\xff killed"]))
    assert run.log_tail(2) == "line 19\n\N{REPLACEMENT CHARACTER} killed"


# What happened


@settings(max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40), st.integers(1, 3), st.integers(1, 4))
def test_a_run_that_was_killed_anywhere_and_resumed_has_the_history_of_one_that_was_not(
    tmp_path_factory, fates, epochs, chunks
):
    """The worker as a machine of three: an event, then perhaps a checkpoint, then perhaps its death."""
    run = Run(tmp_path_factory.mktemp("run"))
    checkpoint, fates = (0, 0), iter(fates)
    alive = False
    while True:
        if not alive:
            epoch, chunk = checkpoint  # complete epochs, and complete chunks of the one under way
            run.append_event("taken")
            run.append_event("start", step=10 * (epoch * chunks + chunk), epoch=epoch, epoch_images=640)
            alive = True
        if epoch == epochs:
            break
        if chunk < chunks:
            chunk += 1
            run.append_event("batch", step=10 * (epoch * chunks + chunk), epoch=epoch + 1)
        else:
            epoch, chunk = epoch + 1, 0
            run.append_event("epoch", step=10 * epoch * chunks, epoch=epoch)
        saved, killed = next(fates, (True, False))
        if saved:
            checkpoint = (epoch, chunk)
        if killed:
            alive = False
    history = run.history()
    assert [event["step"] for event in history.batches] == [10 * (n + 1) for n in range(epochs * chunks)]
    assert [event["epoch"] for event in history.epochs] == list(range(1, epochs + 1))
    assert (history.phase, history.epoch_images) == ("training", 640)


def test_the_phase_is_what_the_worker_was_last_seen_doing(store):
    run = store.create(DENSE)
    phases = []
    for kind in ("taken", "start", "batch", "finishing", "taken"):
        run.append_event(kind, step=0, epoch=0)
        phases.append(run.history().phase)
    assert phases == ["waiting", "training", "training", "finishing", "waiting"]


# Probabilities


def test_probabilities_are_kept_as_float16_and_come_back_within_its_precision(store):
    run = store.create(DENSE)
    random = np.random.default_rng(0)
    kept = {epoch: random.dirichlet(np.full(10, 0.2), size=300).astype(np.float32) for epoch in (1, 2, None)}
    for epoch in (1, 2):
        run.write_probabilities(kept[epoch], epoch)
    assert run.predicted_epochs() == [1, 2]
    assert np.array_equal(run.probabilities(), run.probabilities(2))  # the newest, where there is no end yet
    run.write_probabilities(kept[None])
    for epoch, expected in kept.items():
        came = run.probabilities(epoch)
        assert (came.dtype, came.shape, came.flags.writeable) == (np.float32, (300, 10), False)
        np.testing.assert_allclose(came, expected, rtol=2**-11, atol=2**-25)  # half a unit in float16's last place
    assert np.load(run.path / "predictions" / "epoch-0001.npy").dtype == np.float16
    assert run.probabilities(3) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-7]),
        lambda path: path.write_bytes(b"PK\x03\x04 no archive"),
        lambda path: np.save(path, np.zeros((5, 9), np.float16)),
        lambda path: np.save(path, np.zeros((5, 10), np.int64)),
        lambda path: np.save(path, np.float16(1)),
    ],
    ids=["cut", "no array", "nine digits", "whole numbers", "one number"],
)
def test_damaged_probabilities_are_none(store, damage):
    run = store.create(DENSE)
    run.write_probabilities(np.full((5, 10), 0.1), 1)
    damage(run.path / "predictions" / "epoch-0001.npy")
    assert run.probabilities(1) is None


def test_probabilities_that_were_written_again_are_read_again(store):
    run = store.create(DENSE)
    run.write_probabilities(np.full((5, 10), 0.1))
    assert run.probabilities().max() < 0.2
    time.sleep(0.02)  # file times have a grain
    run.write_probabilities(np.eye(10)[:5])
    assert run.probabilities().max() == 1


# Damage

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.just(10**400) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "epochs", "test_accuracy"]), inner, max_size=3)
    ),
    max_leaves=6,
)
states = st.fixed_dictionaries(
    {"name": st.sampled_from(["queued", "running", "finished"])},
    optional={"since": json_values, "target_epochs": json_values, "message": json_values},
)
FILES = ("config.json", "name.json", "state.json", "control.json", "dataset.json", "summary.json", "architecture.json")


def read_all(store, run):
    """Use every reader once and return what must have a certain type whatever the folder holds."""
    run.history()
    run.probabilities()
    run.predicted_epochs()
    run.has_worker()
    store.queued()
    store.best()
    return run.state, run.name, run.config, run.dataset, run.summary, run.test_accuracy, run.architecture, run.control


@settings(max_examples=60)
@given(st.sampled_from(FILES), json_values.map(json.dumps) | states.map(json.dumps) | st.text(max_size=5))
def test_reading_never_raises_for_what_a_folder_holds(tmp_path_factory, file, text):
    store = RunStore(tmp_path_factory.mktemp("home"))
    run = store.create(DENSE)
    store.create(DENSE)
    (run.path / file).write_text(text)
    state, name, config, dataset, summary, accuracy, architecture, control = read_all(store, run)
    assert isinstance(state.since, int | float)
    assert isinstance(state.target_epochs, int)
    assert isinstance(state.message, str)
    assert isinstance(name, str)
    assert name
    assert config is None or isinstance(config, TrainingConfig)
    assert all(isinstance(value, dict) for value in (dataset, control))
    assert summary is None or isinstance(summary, dict)
    assert accuracy is None or 0 <= accuracy <= 1
    assert isinstance(architecture, list)
    if config is None:
        assert state.name == "damaged"


def test_an_empty_folder_is_a_damaged_run_that_can_be_deleted(store):
    (store.folder / "20261123-120000-seed-0000").mkdir(parents=True)
    (run,) = store.runs()
    assert run.state.name == "damaged"
    assert "config.json" in run.state.message
    read_all(store, run)
    store.delete(run)
    assert store.runs() == []
