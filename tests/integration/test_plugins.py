"""Models of others: added, refused with a clear error, run in the extraction child, kept as groups of their own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiofeat.bootstrap import Services
from audiofeat.config import Settings
from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import JobState, Lane
from audiofeat.domain.kept_models import ModelKind, versions_in_use
from audiofeat.domain.plugin_models import FrontEnd, Tensor, licence_of, spec_of
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
    """Workers run it on new items and on stale ones alone; its vectors have neighbours of their own."""
    folder = tmp_path / "music"
    folder.mkdir()
    for name, seconds in (("a", 6.0), ("b", 6.5)):
        write(folder / f"{name}.wav", song(seconds))
    write(folder / "c.wav", noise(6.0))
    store = services.stores.at(parse_location(str(folder)))
    jobs = register_listing(store, "", catalogue=services.catalogue, lane=Lane.BULK, kind=Kind.TRACK).jobs
    added(services, plugin_models.write(tmp_path / "net.onnx"))
    try:
        assert [services.ingest.run(job.job_id, worker="w") for job in jobs] == [JobState.DONE] * 3
        [first, *_] = near("a.wav", model="net", catalogue=services.catalogue)
        assert services.catalogue.items_by_id([first.item_id])[first.item_id].key.endswith("b.wav")
        assert first.distance < 0.5
        analysis = services.catalogue.analyses_of_audio(services.catalogue.find_item("a.wav").sha256 or "")["model_net"]
        assert (analysis.version, len(analysis.values["embeddings"])) == (1, 8)
        view = services.catalogue.find_item("a.wav")
        rendered = feature_set(view, services.catalogue.analyses_of_audio(view.sha256 or ""), load_curves=None)
        assert rendered.versions["model_net"] == 1

        added(services, plugin_models.write(tmp_path / "net.onnx", outputs=(5,)))
        versions = versions_in_use(services.catalogue.models())
        assert plan(scope_of([], versions), catalogue=services.catalogue).extent.groups.keys() == {"model_net"}
        with pytest.raises(ItemNotAnalysed):
            near("a.wav", model="net", catalogue=services.catalogue)
        with pytest.raises(InvalidInput, match="no output"):
            near("a.wav", model="net", catalogue=services.catalogue, output="embeddings")
    finally:
        services.extraction.stop()


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
