"""Models of others: added, refused with a clear error, run in the extraction child, kept as groups of their own."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from audiofeat.api.app import create_app
from audiofeat.bootstrap import Services
from audiofeat.cli.main import app
from audiofeat.config import Settings
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import JobState, Lane
from audiofeat.domain.kept_models import ModelKind, versions_in_use
from audiofeat.domain.plugin_inputs import FrontEnd, Tensor
from audiofeat.domain.plugin_models import PluginSpec, licence_of, spec_of
from audiofeat.domain.quality import Reason
from audiofeat.errors import InvalidInput, ItemNotAnalysed, SourceNotFound
from audiofeat.extraction.client import ExtractionServer
from audiofeat.rendering import feature_set
from audiofeat.services import plugins
from audiofeat.services.model_neighbours import near
from audiofeat.services.register import register_listing
from audiofeat.services.reprocess import plan, scope_of
from audiofeat.storage.location import parse_location
from tests import plugin_models
from tests.synthesis import noise, song, write

Signature = tuple[tuple[int | str, ...], str, int]

ZOO = {
    "name": "genre", "link": "https://essentia.upf.edu/models/x", "classes": ["a", "b", "c", "d"],
    "inference": {"algorithm": "TensorflowPredictEffnetDiscogs"},
}  # fmt: skip


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return Services(Settings(home=tmp_path / "home"))


@pytest.fixture(scope="module")
def server() -> Iterator[ExtractionServer]:
    with ExtractionServer() as started:
        yield started


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("plugins") / "tune.wav", song(13.0))


def added(services: Services, path: Path, **given: Any) -> dict[str, Any]:
    kept = plugins.add(path, catalogue=services.catalogue, artefacts=services.artefacts, licence="MIT", **given)
    spec: dict[str, Any] = kept.document["spec"]
    return spec


def orders(services: Services) -> dict[str, dict[str, Any]]:
    return plugins.orders(services.catalogue.models(), artefacts=services.artefacts, folder=services.home)


def test_a_model_is_added_run_and_removed(
    services: Services, server: ExtractionServer, tune: Path, tmp_path: Path
) -> None:
    """Its outputs are a group with a version of its own, as numpy computes them; other groups are as without it."""
    path = plugin_models.write(tmp_path / "Small-Net.onnx")
    metadata = tmp_path / "meta.json"
    metadata.write_text(json.dumps({"classes": ZOO["classes"]}))
    spec = added(services, path, metadata_path=metadata)
    assert (spec["front_end"], spec["patch_frames"], spec["patch_hop"]) == ("musicnn", 128, 62)
    assert spec["outputs"] == {"activations": 4, "embeddings": 8}
    assert versions_in_use(services.catalogue.models())["model_small_net"] == 1
    path.unlink()

    record = server.extract(
        tune, source="tune", groups=("model_small_net", "loudness"), plugins=orders(services)
    ).record
    assert record["extractor"]["groups"]["model_small_net"] == 1
    found = record["features"]["model_small_net"]
    assert {name: len(values) for name, values in found.items()} == spec["outputs"]
    plain = server.extract(tune, source="tune", groups=("loudness",)).record
    assert record["features"]["loudness"] == plain["features"]["loudness"]
    kept = next((services.home / "models").glob("*.onnx"))
    ratio = np.linalg.lstsq(plugin_models.weights(kept)[1].T, np.array(found["embeddings"]), rcond=None)[3]
    assert np.isfinite(ratio).all()

    assert plugins.remove("small_net", catalogue=services.catalogue).kind is ModelKind.REMOVED
    assert "model_small_net" not in versions_in_use(services.catalogue.models())
    assert orders(services) == {}


@pytest.mark.parametrize(
    "signature",
    [
        (("n", 187, 96), "musicnn", 187),
        ((64, 128, 96), "musicnn", 128),
        (("n", 1, 300, 96), "musicnn", 300),
        (("n", 96, 64), "vggish", 96),
        (("n", 40, 256, 1), "tempocnn", 256),
    ],
)
def test_signatures_of_published_models_run(
    signature: Signature, *, services: Services, server: ExtractionServer, tune: Path, tmp_path: Path
) -> None:
    """MusiCNN, EffNet's fixed batch, MAEST's channel, VGGish and TempoCNN's turned axes are read off the file."""
    shape, front_end, frames = signature
    spec = added(services, plugin_models.write(tmp_path / "net.onnx", shape=shape, outputs=(3,)), name="net")
    assert (spec["front_end"], spec["patch_frames"]) == (front_end, frames)
    record = server.extract(tune, source="tune", groups=("model_net",), plugins=orders(services)).record
    assert np.isfinite(record["features"]["model_net"]["activations"]).all()


def test_less_than_a_patch_is_too_short(
    services: Services, server: ExtractionServer, tune: Path, tmp_path: Path
) -> None:
    """Nothing is filled up with silence."""
    added(services, plugin_models.write(tmp_path / "net.onnx", shape=("n", 2_000, 96)), name="net")
    record = server.extract(tune, source="tune", groups=("model_net",), plugins=orders(services)).record
    assert set(record["reasons"].values()) == {Reason.TOO_SHORT}


def _cut(path: Path) -> None:
    body = path.read_bytes()
    path.write_bytes(body[: len(body) // 2])


@pytest.mark.parametrize(
    ("damage", "given", "said"),
    [
        ("cut", {}, "cannot open the model"),
        ("text", {}, "cannot open the model"),
        ("empty", {}, "cannot open the model"),
        ("nan", {}, "is not finite"),
        ("integers", {}, "input is a tensor"),
        ("shape", {"shape": ("n", 10, 33, 96, 5)}, "no batch of patches"),
        ("shape", {"shape": ("n", "frames", 96)}, "does not say how many frames"),
        ("wide", {"outputs": (20_000,)}, "20,000 values a patch"),
    ],
)
def test_models_that_cannot_be_used_are_refused(
    damage: str, given: dict[str, Any], said: str, services: Services, tmp_path: Path
) -> None:
    """Truncated, foreign, empty, not finite, of other types or shapes: an error says what, and nothing is kept."""
    path = plugin_models.write(tmp_path / "net.onnx", nan=damage == "nan", integers=damage == "integers", **given)
    if damage == "cut":
        _cut(path)
    if damage in {"text", "empty"}:
        path.write_text("no model" if damage == "text" else "")
    with pytest.raises(InvalidInput, match=said):
        added(services, path)
    assert not services.catalogue.models()


def test_a_huge_file_is_refused_unread(services: Services, tmp_path: Path) -> None:
    """Its size is looked at first; a file that there is not is told as such."""
    path = tmp_path / "huge.onnx"
    with path.open("wb") as sparse:
        sparse.truncate(plugins.MOST_BYTES + 1)
    with pytest.raises(InvalidInput, match="512 MB"):
        added(services, path)
    with pytest.raises(SourceNotFound):
        added(services, tmp_path / "none.onnx")


def test_what_is_kept_is_shown_and_verified(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``show`` has licence and outputs of a model that was added; a kept file that changed or went is told."""
    added(services, plugin_models.write(tmp_path / "net.onnx"))
    monkeypatch.setenv("AUDIOFEAT_HOME", str(services.home))
    shown = json.loads(CliRunner().invoke(app, ["models", "show", "net", "--json"]).stdout)
    assert (shown["file"], shown["spec"]["licence"], shown["spec"]["outputs"]) == (
        "net.onnx", "MIT", {"activations": 4, "embeddings": 8},
    )  # fmt: skip
    kept, artefacts = services.catalogue.models(), services.artefacts
    assert plugins.faults(kept, artefacts=artefacts) == {"net": None}
    key = kept[0].document["key"]
    artefacts.put(key, b"something else")
    assert "is not what was kept" in (plugins.faults(kept, artefacts=artefacts)["net"] or "")
    artefacts.delete(key)
    assert "is gone" in (plugins.faults(kept, artefacts=artefacts)["net"] or "")


def test_nan_later_on_makes_the_group_null_and_a_dead_model_costs_its_file_only(
    services: Services, server: ExtractionServer, tune: Path, tmp_path: Path
) -> None:
    """A model that goes wrong after it was added gives nulls with their reason; one that is gone fails one child."""
    added(services, plugin_models.write(tmp_path / "net.onnx"))
    order = orders(services)["model_net"]
    broken = plugin_models.write(tmp_path / "broken.onnx", nan=True)
    ask = {"source": "tune", "groups": ("model_net", "loudness")}
    record = server.extract(tune, **ask, plugins={"model_net": {**order, "path": str(broken)}}).record
    assert set(record["features"]["model_net"].values()) == {None}
    assert record["reasons"]["model_net.activations"] == Reason.MODEL_FAILED
    assert record["features"]["loudness"]["integrated_loudness_lufs"] is not None
    with pytest.raises(Exception, match=r"NoSuchFile|No such file|doesn't exist|failed"):
        server.extract(tune, **ask, plugins={"model_net": {**order, "path": str(tmp_path / "gone.onnx")}})
    assert server.extract(tune, source="tune", groups=("loudness",)).record["status"] == "ok"


def test_the_ledger_keeps_what_a_model_says_and_finds_what_is_near(services: Services, tmp_path: Path) -> None:
    """Workers run it on new items and on stale ones alone; its vectors have neighbours of their own, of either kind."""
    folder = tmp_path / "music"
    folder.mkdir()
    for name, seconds in (("a", 6.0), ("b", 6.5)):
        write(folder / f"{name}.wav", song(seconds))
    write(folder / "c.wav", noise(6.0))
    store = services.stores.at(parse_location(str(folder)))
    jobs = register_listing(store, "", catalogue=services.catalogue, lane=Lane.BULK, kind=Kind.TRACK).jobs
    talks = tmp_path / "talks"
    talks.mkdir()
    write(talks / "d.wav", song(7.0))
    shelf = services.stores.at(parse_location(str(talks)))
    jobs += register_listing(shelf, "", catalogue=services.catalogue, lane=Lane.BULK, kind=Kind.EPISODE).jobs
    added(services, plugin_models.write(tmp_path / "net.onnx"))
    try:
        assert [services.ingest.run(job.job_id, worker="w") for job in jobs] == [JobState.DONE] * 4
        found = near("a.wav", model="net", catalogue=services.catalogue, folder=services.home)
        distances = {one.item.key: one.distance for one in found.neighbours}
        assert (set(distances), found.considered) == ({"b.wav", "c.wav", "d.wav"}, 3)
        assert max(distances["b.wav"], distances["d.wav"]) < 0.5 < distances["c.wav"]
        client = TestClient(create_app(services), base_url="http://127.0.0.1")
        for item, kind, keys in (("a.wav", "track", ["b.wav"]), ("a.wav", "episode", ["d.wav"]),
                                 ("d.wav", "episode", [])):  # fmt: skip
            asked = client.get(f"/v1/models/net/neighbours/{item}?k=1&kind={kind}").json()["neighbours"]
            assert [line["key"] for line in asked] == keys
        assert client.get("/v1/models/net/neighbours/a.wav?kind=film").status_code == 422
        analysis = services.catalogue.analyses_of_audio(services.catalogue.find_item("a.wav").sha256 or "")["model_net"]
        assert (analysis.version, len(analysis.values["embeddings"])) == (1, 8)
        view = services.catalogue.find_item("a.wav")
        rendered = feature_set(view, services.catalogue.analyses_of_audio(view.sha256 or ""), load_curves=None)
        assert rendered.versions["model_net"] == 1

        added(services, plugin_models.write(tmp_path / "net.onnx", outputs=(5,)))
        versions = versions_in_use(services.catalogue.models())
        assert plan(scope_of([], versions), catalogue=services.catalogue).extent.groups.keys() == {"model_net"}
        with pytest.raises(ItemNotAnalysed):
            near("a.wav", model="net", catalogue=services.catalogue, folder=services.home)
        with pytest.raises(InvalidInput, match="no output"):
            near("a.wav", model="net", catalogue=services.catalogue, folder=services.home, output="embeddings")
    finally:
        services.extraction.stop()


def _spec(
    shape: tuple[int | None, ...],
    metadata: dict[str, Any] | None = None,
    *,
    base: tuple[str, PluginSpec] | None = None,
) -> PluginSpec:
    return spec_of([Tensor("x", shape)], [Tensor("y", (None, 4))], metadata or {}, licence="MIT", base=base)


class TestHeads:
    """Models that are shown what another one says of each patch."""

    def test_a_head_is_run_on_each_patch(
        self, services: Services, server: ExtractionServer, tune: Path, tmp_path: Path
    ) -> None:
        """Its numbers are the mean over patches; the base's are as without it, and left out where not asked for."""
        added(services, plugin_models.write(tmp_path / "net.onnx"), name="net")
        spec = added(services, plugin_models.write_head(tmp_path / "danceable.onnx", 8), on="net")
        assert (spec["on"], spec["on_output"], spec["outputs"]) == (
            "net",
            "embeddings",
            {"activations": 3, "logits": 3},
        )
        ask = {"source": "tune", "plugins": orders(services)}
        both = server.extract(tune, groups=("model_net", "model_danceable"), **ask).record["features"]
        alone = server.extract(tune, groups=("model_danceable",), **ask).record["features"]
        assert alone == {"model_danceable": both["model_danceable"]}
        base = server.extract(tune, groups=("model_net",), **ask).record["features"]
        assert base == {"model_net": both["model_net"]}
        matrix = np.array(both["model_net"]["embeddings"]) @ plugin_models.weights(tmp_path / "danceable.onnx")[0]
        np.testing.assert_allclose(both["model_danceable"]["logits"], matrix, rtol=1e-4)
        assert sum(both["model_danceable"]["activations"]) == pytest.approx(1, abs=1e-6)
        softmax = np.exp(matrix) / np.exp(matrix).sum()
        assert not np.array_equal(both["model_danceable"]["activations"], softmax)

    def test_fixed_batches_and_an_axis_more(
        self, services: Services, server: ExtractionServer, tune: Path, tmp_path: Path
    ) -> None:
        """Batches of another length than the base's, and a channel between, give the same numbers."""
        added(services, plugin_models.write(tmp_path / "net.onnx"), name="net")
        signatures: tuple[tuple[int | str, bool], ...] = (("n", False), (1, False), (5, False), ("n", True))
        for number, (batch, middle) in enumerate(signatures):
            path = plugin_models.write_head(tmp_path / f"head_{number}.onnx", 8, batch=batch, middle=middle)
            added(services, path, on="net")
        asked = [f"model_head_{number}" for number in range(len(signatures))]
        found = server.extract(tune, source="tune", groups=asked, plugins=orders(services)).record["features"]
        for group in asked:
            np.testing.assert_allclose(found[group]["logits"], found[asked[0]]["logits"], rtol=1e-5)

    def test_a_base_stays_while_it_is_read(self, services: Services, tmp_path: Path) -> None:
        """It can be neither removed nor replaced before the head is."""
        added(services, plugin_models.write(tmp_path / "net.onnx"), name="net")
        added(services, plugin_models.write_head(tmp_path / "head.onnx", 8), on="net")
        with pytest.raises(InvalidInput, match="head reads what net says"):
            plugins.remove("net", catalogue=services.catalogue)
        with pytest.raises(InvalidInput, match="head reads what net says"):
            added(services, plugin_models.write(tmp_path / "new.onnx", outputs=(5,)), name="net")
        plugins.remove("head", catalogue=services.catalogue)
        plugins.remove("net", catalogue=services.catalogue)
        assert orders(services) == {}

    @pytest.mark.parametrize("damage", ["nan", "cut", "huge", "missing"])
    def test_heads_that_cannot_be_used_are_refused(self, damage: str, services: Services, tmp_path: Path) -> None:
        """Not finite, truncated, huge, or on a model that there is not: an error says what, and nothing is kept."""
        added(services, plugin_models.write(tmp_path / "net.onnx"), name="net")
        path = plugin_models.write_head(tmp_path / "head.onnx", 8, nan=damage == "nan")
        said = {
            "nan": "is not finite", "cut": "cannot open the model", "huge": "512 MB",
            "missing": "no plug-in model is called 'lost'",
        }  # fmt: skip
        if damage == "cut":
            _cut(path)
        if damage == "huge":
            with path.open("r+b") as sparse:
                sparse.truncate(plugins.MOST_BYTES + 1)
        with pytest.raises(InvalidInput, match=said[damage]):
            added(services, path, on="lost" if damage == "missing" else "net")
        assert [kept.name for kept in services.catalogue.models()] == ["net"]

    @pytest.mark.parametrize(
        ("shape", "said"),
        [
            ((None, 7), r"takes 7 values, and net says activations \(4\), embeddings \(8\)"),
            ((None, 128, 96), "no batch of another model's values"),
            ((8,), "no batch of another model's values"),
        ],
    )
    def test_heads_of_other_shapes_are_refused(self, shape: tuple[int | None, ...], said: str) -> None:
        """What the base says is told beside what the head takes."""
        net = replace(_spec((None, 128, 96)), outputs={"activations": 4, "embeddings": 8})
        with pytest.raises(InvalidInput, match=said):
            _spec(shape, base=("net", net))

    def test_a_head_reads_the_output_of_its_size_and_of_any_size_the_embeddings(self) -> None:
        """Names decide where sizes do not; a head on a head is refused."""
        net = replace(_spec((None, 128, 96)), outputs={"activations": 4, "embeddings": 8})
        assert _spec((None, 4), base=("net", net)).on_output == "activations"
        head = _spec((None, None), base=("net", net))
        assert (head.on, head.on_output, head.axes) == ("net", "embeddings", ("batch", "values"))
        with pytest.raises(InvalidInput, match="reads another model itself"):
            _spec((None, 4), base=("head", head))

    def test_without_its_base_a_head_is_told_what_to_do(self) -> None:
        """Metadata of the zoo name the model whose embeddings are read."""
        base = {"algorithm": "TensorflowPredictEffnetDiscogs", "model_name": "discogs-effnet-bs64-1"}
        with pytest.raises(InvalidInput) as refused:
            _spec((None, 1_280), {"inference": {"algorithm": "TensorflowPredict2D", "embedding_model": base}})
        assert "discogs-effnet-bs64-1" in refused.value.remedy
        with pytest.raises(InvalidInput) as refused:
            _spec((None, 1_280))
        assert "--on" in refused.value.remedy

    def test_not_a_number_of_the_base_is_none_of_the_head(
        self, services: Services, server: ExtractionServer, tune: Path, tmp_path: Path
    ) -> None:
        """Both groups are null with their reason, and others are as ever."""
        added(services, plugin_models.write(tmp_path / "net.onnx"), name="net")
        added(services, plugin_models.write_head(tmp_path / "head.onnx", 8), on="net")
        told = orders(services)
        broken = plugin_models.write(tmp_path / "broken.onnx", outputs=(4, 8), nan=True)
        told["model_net"] = {**told["model_net"], "path": str(broken)}
        asked = ("model_net", "model_head", "loudness")
        record = server.extract(tune, source="tune", groups=asked, plugins=told).record
        assert set(record["features"]["model_head"].values()) == {None}
        assert record["reasons"]["model_head.logits"] == Reason.MODEL_FAILED
        assert record["features"]["loudness"]["integrated_loudness_lufs"] is not None


class TestSamples:
    """Models that are shown samples."""

    def test_a_model_of_samples_hears_the_file(
        self, services: Services, server: ExtractionServer, tune: Path, tmp_path: Path
    ) -> None:
        """At the file's rate and at others, with a batch, a channel or an open length: its power is the tune's."""
        signatures: tuple[tuple[tuple[int | str, ...], int, dict[str, int]], ...] = (
            (("n", 16_000), 16_000, {}),
            ((4, 1, 44_100), 44_100, {}),
            (("n", "samples"), 48_000, {"patch_samples": 96_000, "patch_hop": 48_000}),
        )
        metadata = tmp_path / "meta.json"
        for shape, rate_hz, given in signatures:
            metadata.write_text(json.dumps({"front_end": "pcm", "sample_rate": rate_hz, **given}))
            path = plugin_models.write_of_samples(tmp_path / f"wave_{rate_hz}.onnx", shape=shape)
            spec = added(services, path, metadata_path=metadata)
            assert (spec["front_end"], spec["rate_hz"]) == ("pcm", rate_hz)
        asked = [f"model_wave_{rate_hz}" for _, rate_hz, _ in signatures]
        found = server.extract(tune, source="tune", groups=asked, plugins=orders(services)).record["features"]
        samples, own_hz = soundfile.read(tune)
        power = float(np.mean(np.square(samples[: len(samples) // own_hz * own_hz])))
        for group in asked:
            assert found[group]["power"][0] == pytest.approx(power, rel=0.1)

    @pytest.mark.parametrize(("damage", "said"), [("nan", "is not finite"), ("cut", "cannot open the model")])
    def test_damaged_ones_are_refused(self, damage: str, said: str, services: Services, tmp_path: Path) -> None:
        """Nothing is kept."""
        path = plugin_models.write_of_samples(tmp_path / "wave.onnx", nan=damage == "nan")
        if damage == "cut":
            _cut(path)
        told = tmp_path / "meta.json"
        told.write_text(json.dumps({"front_end": "pcm", "sample_rate": 16_000}))
        with pytest.raises(InvalidInput, match=said):
            added(services, path, metadata_path=told)
        assert not services.catalogue.models()

    @pytest.mark.parametrize(
        ("shape", "metadata", "said"),
        [
            ((None, 8_000), {"front_end": "pcm"}, "sample rate of the model is None"),
            ((None, 8_000), {"front_end": "pcm", "sample_rate": 10**6}, "sample rate of the model is 1000000"),
            ((None, None), {"front_end": "pcm", "sample_rate": 16_000}, "how many samples a patch has"),
            ((None, 8_000), {"front_end": "pcm", "sample_rate": 16_000, "patch_hop": -1}, "patch_hop"),
            ((None, 2, 8_000), {"front_end": "pcm", "sample_rate": 16_000}, "no batch of patches"),
            ((8_000,), {"front_end": "pcm", "sample_rate": 16_000}, "no batch of patches"),
            ((None, 8), {"front_end": "model"}, "no front end 'model'"),
        ],
    )
    def test_what_metadata_leave_open_is_asked_for(
        self, shape: tuple[int | None, ...], metadata: dict[str, Any], said: str
    ) -> None:
        """Rate and length are never guessed."""
        with pytest.raises(InvalidInput, match=said):
            _spec(shape, metadata)


class TestLicences:
    def test_non_commercial_ones_need_a_word(self) -> None:
        """Those of the zoo are known to be, though their metadata do not say so."""
        with pytest.raises(InvalidInput, match="forbids commercial use"):
            licence_of(ZOO, None, noncommercial=False)
        assert licence_of(ZOO, None, noncommercial=True) == "CC BY-NC-SA 4.0"
        with pytest.raises(InvalidInput, match="forbids"):
            licence_of({"license": "Non-Commercial use only"}, None, noncommercial=False)

    def test_an_unknown_licence_is_asked_for(self) -> None:
        """What the user says stands before what the metadata say."""
        with pytest.raises(InvalidInput, match="no licence is known"):
            licence_of({}, None, noncommercial=True)
        assert licence_of({"license": "MIT"}, None, noncommercial=False) == "MIT"
        assert licence_of({"license": "CC BY-NC 4.0"}, "MIT, by letter", noncommercial=False) == "MIT, by letter"


class TestMetadata:
    def test_the_algorithm_tells_the_front_end(self) -> None:
        """Also where the shape would not."""
        spec = spec_of([Tensor("x", (None, 128, 96))], [Tensor("y", (None, 4))], ZOO, licence="MIT")
        assert (spec.front_end, spec.classes) == (FrontEnd.MUSICNN, ("a", "b", "c", "d"))

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"front_end": "wavelets"}, "no front end"),
            ({"front_end": "vggish"}, "no known front end"),
            ({"classes": "rock"}, "no list of names"),
            ({"patch_frames": 10**9}, "does not say how many frames"),
            ({"patch_hop": -1}, "patch_hop"),
        ],
    )
    def test_metadata_that_contradict_the_file_are_refused(self, changed: dict[str, Any], said: str) -> None:
        """What is wrong is named."""
        with pytest.raises(InvalidInput, match=said):
            spec_of([Tensor("x", (None, 128, 96))], [Tensor("y", (None, 4))], {**ZOO, **changed}, licence="MIT")
