"""The metrics against values worked out by hand, and label files that are wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiofeat.domain import registry
from audiofeat.errors import InvalidInput, SourceNotFound
from audiofeat.evaluation import statistics as st
from audiofeat.evaluation.answers import answers_of
from audiofeat.evaluation.labels import FAMILIES, Labelled, read_labels
from audiofeat.evaluation.peers import chosen, provided
from audiofeat.evaluation.tasks import task_of


def array(*values: Any) -> st.Array:
    return np.array(values, dtype=float)


def figure(label: str, name: str, pairs: list[tuple[Any, dict[str, Any]]]) -> float:
    """Judge pairs of truth and answers, and return a figure of them."""
    task = task_of(label)
    return task.figures[name](np.array([task.judge(truth, answers) for truth, answers in pairs], dtype=float))


class TestStatistics:
    def test_auroc_counts_ordered_pairs(self) -> None:
        """Of four pairs three are in order and one ties: 3.5 of 4."""
        assert st.auroc(array(0.9, 0.5, 0.5, 0.1), array(1, 1, 0, 0)) == pytest.approx(3.5 / 4)

    def test_auroc_needs_both_kinds(self) -> None:
        """Without a negative there is nothing to order."""
        assert np.isnan(st.auroc(array(0.9, 0.5), array(1, 1)))

    def test_spearman_shares_ranks(self) -> None:
        """Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4 correlate at sqrt(0.9)."""
        assert st.spearman(array(1, 2, 2, 9), array(1, 2, 3, 4)) == pytest.approx(np.sqrt(0.9))

    def test_pearson_of_a_constant_is_undefined(self) -> None:
        """A constant has no correlation with anything."""
        assert np.isnan(st.pearson(array(1, 1, 1), array(1, 2, 3)))

    def test_a_mean_has_the_interval_of_whole_clusters(self) -> None:
        """It is that of resampling rows cluster by cluster, unknown ones left out."""
        rng = np.random.default_rng(4)
        values = rng.normal(size=60)
        clusters = [f"{row // 5}" for row in range(60)]
        slow = st.bootstrap(values[:, None], clusters, lambda rows: st.mean(rows[:, 0]))
        fast = st.bootstrap_mean(np.append(values, np.nan), [*clusters, "unknown"])
        assert fast.value == pytest.approx(slow.value)
        assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=0.03)
        assert np.isnan(st.bootstrap_mean(array(1, 2), ["one", "one"]).low)
        assert np.isnan(st.bootstrap_mean(array(np.nan), ["one"]).value)

    def test_macro_f1_leaves_out_what_never_occurs(self) -> None:
        """F1 of 2/3 and of 1; the third class has no positive."""
        truth = array([1, 1, 0], [0, 1, 0])
        said = array([0.9, 0.8, 0.9], [0.6, 0.7, 0.1])
        assert st.macro_f1(truth, said, present=0.5) == pytest.approx((2 / 3 + 1) / 2)

    def test_average_precision_by_hand(self) -> None:
        """Hits at ranks 1 and 3: (1/1 + 2/3) / 2."""
        assert st.mean_average_precision(array([1], [0], [1]), array([0.9], [0.8], [0.7])) == pytest.approx(5 / 6)

    def test_average_precision_of_equal_scores_is_the_share_of_positives(self) -> None:
        """Always-yes earns what chance earns, whatever the order of the files."""
        for truth in (array([1], [0], [0], [0]), array([0], [0], [0], [1])):
            assert st.mean_average_precision(truth, np.ones((4, 1))) == pytest.approx(0.25)

    def test_calibration_error_by_hand(self) -> None:
        """Two at .8 of which one happened are off by .3, two at .1 that did not by .1: weighted .2."""
        assert st.calibration_error(array([1], [0], [0], [0]), array([0.8], [0.8], [0.1], [0.1])) == pytest.approx(0.2)

    def test_balanced_accuracy_weighs_classes_equally(self) -> None:
        """All of three and none of one: one half."""
        assert st.balanced_accuracy(array(0, 0, 0, 1), array(0, 0, 0, 0)) == 0.5

    def test_confusion_has_a_column_for_no_answer(self) -> None:
        """Rows are true classes, columns answers."""
        assert st.confusion(array(0, 1, 1), array(0, 0, 2), 2) == [[1, 0, 0], [1, 0, 1]]


class TestBootstrap:
    def test_the_same_twice(self) -> None:
        """The seed is fixed."""
        rows, clusters = np.arange(20.0)[:, None], [str(i) for i in range(20)]
        assert st.bootstrap(rows, clusters, st.mean) == st.bootstrap(rows, clusters, st.mean)

    def test_the_interval_of_a_mean(self) -> None:
        """Of 400 fair coins it is near 1.96 standard errors wide on each side."""
        rows = np.tile([0.0, 1.0], 200)[:, None]
        found = st.bootstrap(rows, [str(i) for i in range(400)], st.mean)
        assert found.value == 0.5
        assert found.high - found.low == pytest.approx(2 * 1.96 * 0.5 / 20, rel=0.1)

    def test_clusters_are_drawn_whole(self) -> None:
        """Ten copies of each of ten items are worth ten items, not a hundred."""
        rows = np.repeat(np.arange(10.0), 10)[:, None]
        alone = st.bootstrap(rows, [str(i) for i in range(100)], st.mean)
        together = st.bootstrap(rows, [str(i // 10) for i in range(100)], st.mean)
        assert together.high - together.low > 2.5 * (alone.high - alone.low)

    def test_one_cluster_has_no_interval(self) -> None:
        """Nothing is known of how another artist would do."""
        found = st.bootstrap(np.ones((5, 1)), ["artist a"] * 5, st.mean)
        assert found.value == 1
        assert np.isnan(found.low)


class TestTasks:
    @pytest.mark.parametrize(
        ("said", "first", "second"),
        [(124.8, 1, 1), (124.9, 0, 0), (60, 0, 1), (240, 0, 1), (40, 0, 1), (360, 0, 1), (80, 0, 0), (None, 0, 0)],
    )
    def test_tempo_accuracies(self, said: float | None, first: int, second: int) -> None:
        """Within 4 % of 120 counts, octaves and thirds count in Accuracy2, no answer nowhere."""
        assert figure("tempo_bpm", "accuracy1", [(120, {"tempo_bpm": said})]) == first
        assert figure("tempo_bpm", "accuracy2", [(120, {"tempo_bpm": said})]) == second

    def test_tempo_errors(self) -> None:
        """Half the tempo is 60 BPM off, and 1 BPM off once the octave is mended."""
        pairs: list[tuple[Any, dict[str, Any]]] = [(120, {"tempo_bpm": 60.5})]
        assert figure("tempo_bpm", "median_absolute_error_bpm", pairs) == 59.5
        assert figure("tempo_bpm", "median_absolute_error_octave_corrected_bpm", pairs) == 1

    def test_confidence_is_judged_by_accuracy1(self) -> None:
        """A confidence that is higher where the tempo is wrong has an area of 0."""
        pairs: list[tuple[Any, dict[str, Any]]] = [
            (120, {"tempo_bpm": 120, "tempo_confidence": 0.2}), (120, {"tempo_bpm": 60, "tempo_confidence": 0.8}),
        ]  # fmt: skip
        assert figure("tempo_bpm", "confidence_auroc", pairs) == 0

    def test_beats_before_five_seconds_do_not_count(self) -> None:
        """Three of four later beats are hit with nothing extra: F is 6/7."""
        pairs: list[tuple[Any, dict[str, Any]]] = [([1, 2, 6, 7, 8, 9], {"beat_times_s": [3.3, 6.05, 7, 8]})]
        assert figure("beat_times_s", "f_measure", pairs) == pytest.approx(6 / 7)

    def test_beats_that_all_lie_before_five_seconds(self) -> None:
        """Such an item cannot be scored, and is said to be left out."""
        assert task_of("beat_times_s").judge([1, 2, 3], {"beat_times_s": [1, 2, 3]}) is None

    @pytest.mark.parametrize(
        ("said", "score"),
        [("C major", 1), ("G major", 0.5), ("A minor", 0.3), ("C minor", 0.2), ("D major", 0), (None, 0)],
    )
    def test_key_scores(self, said: str | None, score: float) -> None:
        """Same, fifth, relative, parallel and other, as MIREX weighs them."""
        assert figure("key", "mirex_weighted", [("C major", {"key": said})]) == score

    def test_loudness_error_beside_the_share_answered(self) -> None:
        """The missing answer is in the share, not in the mean."""
        pairs = [(-14.0, {"integrated_loudness_lufs": -14.5}), (-20.0, {})]
        assert figure("integrated_loudness_lufs", "mean_absolute_error", pairs) == 0.5
        assert figure("integrated_loudness_lufs", "answered_ratio", pairs) == 0.5

    def test_a_class_without_an_answer_is_wrong(self) -> None:
        """One of two is right."""
        assert figure("class", "accuracy", [("speech", {"class": "speech"}), ("noise", {"class": None})]) == 0.5

    def test_segments_by_hand(self) -> None:
        """Boundaries at 10 and 20 against 10.5: one of two; speech 10 of 10.5 s."""
        truth = [[0, 10, ["speech"]], [10, 20, ["music"]], [20, 30, []]]
        answers = {"segments": [[0, 10.5, ["speech"]], [10.5, 30, ["music"]]]}
        assert figure("segments", "boundary_f_1s", [(truth, answers)]) == pytest.approx(2 / 3)
        assert figure("segments", "speech_frame_f", [(truth, answers)]) == pytest.approx(2 * 10 / (10 + 10.5))
        assert figure("segments", "music_frame_f", [(truth, answers)]) == pytest.approx(2 * 9.5 / (10 + 19.5))

    def test_instruments(self) -> None:
        """Right for one family, a false alarm for another: F1 is 2/3 where drums occur once."""
        pairs = [(["drums"], {"instruments": {"drums": 0.9}}), ([], {"instruments": {"drums": 0.6}})]
        assert figure("instruments", "macro_f1", pairs) == pytest.approx(2 / 3)
        assert task_of("instruments").tables["positives"](np.array([task_of("instruments").judge(["drums"], {})])) == {
            family: int(family == "drums") for family in FAMILIES
        }

    def test_mood(self) -> None:
        """Perfectly opposed."""
        pairs = [(value, {"mood.arousal": 1 - value}) for value in (0.1, 0.4, 0.9)]
        assert figure("mood.arousal", "pearson", pairs) == pytest.approx(-1)


RECORD: dict[str, Any] = {
    "audio": {"decoded_duration_s": 3.2},
    "features": {
        "rhythm": {"tempo_bpm": 99.0, "tempo_confidence": 0.4, "beat_times_s": [1.0, 2.0]},
        "tonal": {"key": "C#", "mode": "minor"},
        "speech": {
            "speech_ratio": 0.6, "music_ratio": 0.3, "other_ratio": 0.1,
            "segment_starts_s": [0.0, 2.0], "segment_labels": ["speech+music", "noise"],
        },
        "mood": {"arousal": 0.7, "valence": None},
    }
}  # fmt: skip


class TestAnswers:
    def test_of_a_record(self) -> None:
        """Each label gets the record's value in the label's form."""
        said = answers_of(RECORD)
        assert said["key"] == "C# minor"
        assert said["class"] == "speech"
        assert said["segments"] == [[0, 2, ["speech", "music"]], [2, 3.2, []]]
        assert (said["mood.arousal"], said["mood.valence"]) == (0.7, None)
        assert said["integrated_loudness_lufs"] is None

    def test_of_a_rejected_file(self) -> None:
        """It says nothing."""
        said = answers_of({"features": {}})
        assert not [label for label, value in said.items() if value is not None and label != "instruments"]
        assert set(said["instruments"].values()) == {None}

    def test_fields_are_those_of_the_registry(self) -> None:
        """What can be answered today can be read from the registry."""
        assert {"rhythm.tempo_bpm", "tonal.key", "speech.other_ratio"} <= set(registry.BY_PATH)


def corpus(folder: Path, *lines: str) -> Path:
    (folder / "a.wav").write_bytes(b"sound")
    (folder / "b.wav").write_bytes(b"sound")
    path = folder / "labels.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def line(path: str = "a.wav", **labels: Any) -> str:
    return json.dumps({"path": path, "labels": labels})


class TestLabelFiles:
    def test_a_good_one(self, tmp_path: Path) -> None:
        """Paths are relative to the file, empty lines are nothing, every label of the format is read."""
        labels = {
            "tempo_bpm": 120, "beat_times_s": [0.5, 1.0], "downbeat_times_s": [0.5], "key": "C# minor",
            "integrated_loudness_lufs": -14, "loudness_range_lu": 3.5, "true_peak_dbtp": -1, "instruments": ["drums"],
            "class": "music", "segments": [[0, 4.5, ["speech", "music"]], [4.5, 9, []]],
            "mood": {"arousal": 0.7, "tension": 0.1}, "artist": "A", "album": "B", "track": "C",
        }  # fmt: skip
        (read, other) = read_labels(corpus(tmp_path, line(**labels), "", line("b.wav")))
        assert read == Labelled(tmp_path / "a.wav", "a.wav", labels)
        assert read.cluster == "artist A"
        assert other.cluster == "file b.wav"

    @pytest.mark.parametrize(
        ("wrong", "word"),
        [
            ("{", "not JSON"),
            ("[]", "exactly path and labels"),
            ('{"path": "a.wav"}', "exactly path and labels"),
            ('{"path": 3, "labels": {}}', "path is text"),
            (line(tempo=120), "unknown label 'tempo'"),
            (line(tempo_bpm="120"), "tempo_bpm"),
            (line(tempo_bpm=True), "tempo_bpm"),
            (line(tempo_bpm=0), "tempo_bpm"),
            ('{"path": "a.wav", "labels": {"tempo_bpm": NaN}}', "tempo_bpm"),
            (line(key="H minor"), "C# minor"),
            (line(key="c# minor"), "C# minor"),
            (line(key=None), "leave out what is unknown"),
            (line(beat_times_s=[2, 1]), "rising"),
            (line(beat_times_s=[]), "rising"),
            (line(instruments=["kazoo"]), "tuned_percussion"),
            (line(**{"class": "podcast"}), "speech, music or noise"),
            (line(**{"class": ["speech"]}), "speech, music or noise"),
            (line(segments=[[5, 4, []]]), "segments"),
            (line(segments=[[0, 4, ["noise"]]]), "segments"),
            (line(segments=[[0, 4, [["speech"]]]]), "segments"),
            (line(segments=[[0, 4, []], [3, 5, []]]), "overlap"),
            (line(mood={}), "arousal"),
            (line(artist=""), "artist"),
            (line("a.wav"), "stands on line 1 already"),
            (line("./a.wav"), "stands on line 1 already"),
        ],
    )
    def test_a_wrong_line_is_named(self, wrong: str, word: str, tmp_path: Path) -> None:
        """The message has the line's number and what is wrong or would be right."""
        with pytest.raises(InvalidInput) as caught:
            read_labels(corpus(tmp_path, line(), wrong))
        assert "line 2" in str(caught.value)
        assert word in str(caught.value)

    def test_no_file(self, tmp_path: Path) -> None:
        """A label file that is not there is named."""
        with pytest.raises(SourceNotFound, match=r"none\.jsonl"):
            read_labels(tmp_path / "none.jsonl")

    def test_no_line(self, tmp_path: Path) -> None:
        """An empty corpus is an error that shows a line."""
        with pytest.raises(InvalidInput, match="tempo_bpm"):
            read_labels(corpus(tmp_path, ""))

    def test_no_audio(self, tmp_path: Path) -> None:
        """Missing audio is named before anything is analysed, a few of it and the count."""
        with pytest.raises(SourceNotFound, match=r"x0\.wav.*and 2 more"):
            read_labels(corpus(tmp_path, *(line(f"x{i}.wav") for i in range(7))))

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        """An audio file given as the label file is told so."""
        (tmp_path / "labels.jsonl").write_bytes(b"\xff\xfe\x00\x81")
        with pytest.raises(InvalidInput, match="cannot be read as text"):
            read_labels(tmp_path / "labels.jsonl")


class TestPeers:
    def test_an_unknown_one(self) -> None:
        """The known ones are named."""
        with pytest.raises(InvalidInput, match="essentia, librosa"):
            chosen("essentia,madmom")

    def test_what_they_answer(self) -> None:
        """Each algorithm under its full name."""
        assert provided(["librosa"]) == {"librosa beat_track": ("tempo_bpm", "beat_times_s")}
