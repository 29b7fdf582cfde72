"""Tables and tags as sources of metadata."""

import resource
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import mutagen
import numpy as np
import pytest
import soundfile as sf
from mutagen.flac import FLAC, Picture
from mutagen.id3 import CHAP, ID3, PCST, TALB, TCON, TDES, TDRC, TGID, TIT2, TLAN, TPE1, TSRC, Frame
from mutagen.mp4 import MP4
from mutagen.oggopus import OggOpus

from audiofeat.domain.jobs import MetadataRecord
from audiofeat.domain.metadata_fields import MOST_CHARACTERS
from audiofeat.errors import InvalidInput, SourceNotFound
from audiofeat.metadata_sources.tables import open_table
from audiofeat.metadata_sources.tags import read_tags

SILENCE = (b"\xff\xfb\x90\x00" + bytes(413)) * 20


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _frame(name: bytes, content: bytes, flags: bytes = b"\0\0") -> bytes:
    """Return a frame of ID3v2.4."""
    return name + _synchsafe(len(content)) + flags + content


def _bomb() -> bytes:
    """Return a title that unpacks to 600 MB."""
    packing = zlib.compressobj(1)
    packed = packing.compress(b"\3") + b"".join(packing.compress(bytes(1_000_000)) for _ in range(600))
    return _frame(b"TIT2", b"\x7f\x7f\x7f\x7f" + packed + packing.flush(), flags=b"\0\x09")


def _many_frames() -> bytes:
    return b"".join(_frame(b"TXXX", b"\3k%d\0v" % number) for number in range(100_000))


def _written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


class TestTables:
    """CSV and JSON Lines."""

    def test_csv(self, tmp_path: Path) -> None:
        """Rows become keys and fields; a byte-order mark, quotes, line ends and unknown columns are no trouble."""
        content = '\ufeffpath,Reference,title,Catalogue No\r\na.ogg,r1,"Say ""hi"",\nthere",7\r\n\r\nb.ogg,,é,\r\n'
        table = open_table(_written(tmp_path / "label_feed.csv", content))
        assert table.name == "csv:label_feed"
        assert list(table.records()) == [
            (
                {"path": "a.ogg", "reference": "r1"},
                MetadataRecord("csv:label_feed", {"reference": "r1", "title": 'Say "hi",\nthere', "catalogue_no": "7"}),
            ),
            (
                {"path": "b.ogg"},
                MetadataRecord("csv:label_feed", {"reference": "", "title": "é", "catalogue_no": ""}),
            ),
        ]

    def test_json_lines(self, tmp_path: Path) -> None:
        """Lines become keys and fields; values keep their JSON type."""
        content = '\ufeff{"reference": 12, "explicit": true, "artist": ["A", "B"]}\n\n{"path": "é.ogg"}'
        table = open_table(_written(tmp_path / "web.ndjson", content))
        assert list(table.records()) == [
            (
                {"reference": "12"},
                MetadataRecord("jsonl:web", {"reference": 12, "explicit": True, "artist": ["A", "B"]}),
            ),
            ({"path": "é.ogg"}, MetadataRecord("jsonl:web", {})),
        ]

    @pytest.mark.parametrize(
        ("name", "content", "line"),
        [
            ("a.csv", b"", 1),
            ("a.csv", b"title,artist\n", 1),
            ("a.csv", b"path,title,Title\n", 1),
            ("a.csv", b"path,title\na.ogg,x\nb.ogg\n", 3),
            ("a.csv", b"path,title\na.ogg,x,y\n", 2),
            ("a.csv", b'path,title\na.ogg,"x\n', 2),
            ("a.csv", b"path,title\n\xff.ogg,x\n", 2),
            ("a.csv", b"path,title\n ,x\n", 2),
            ("a.jsonl", b'{"path": "a"}\n{"path": \n', 2),
            ("a.jsonl", b'{"path": "a"}\n["path"]\n', 2),
            ("a.jsonl", b'{"path": "a", "x": NaN}\n', 1),
            ("a.jsonl", b'{"title": "a"}\n', 1),
            ("a.jsonl", b"[" * 100_000, 1),
            ("a.jsonl", b'{"path": "' + b"a" * 2**20 + b'"}', 1),
        ],
    )
    def test_a_wrong_line_is_named(self, tmp_path: Path, name: str, content: bytes, line: int) -> None:
        """A table that cannot be read stops with its file and line."""
        path = _written(tmp_path / name, content)
        with pytest.raises(InvalidInput, match=f"{name}, line {line}: "):
            list(open_table(path).records())

    def test_what_is_no_table(self, tmp_path: Path) -> None:
        """A missing file, a folder and another suffix are told apart."""
        with pytest.raises(SourceNotFound):
            list(open_table(tmp_path / "none.csv").records())
        (tmp_path / "folder.csv").mkdir()
        with pytest.raises(InvalidInput):
            list(open_table(tmp_path / "folder.csv").records())
        with pytest.raises(InvalidInput, match="xlsx"):
            open_table(tmp_path / "a.xlsx")


class TestTags:
    """Tags inside audio files."""

    @pytest.fixture
    def flac(self, tmp_path: Path) -> Path:
        path = tmp_path / "a.flac"
        sf.write(path, np.zeros(4800), 48_000)
        return path

    def test_vorbis_comments(self, flac: Path) -> None:
        """Comments have the common names, several values stay several, pictures are not looked at."""
        tagged = FLAC(flac)
        tagged.update({"TITLE": "T", "artist": ["A", "B"], "date": "2024-02-03", "isrc": "GBAYE6900531", "mood": "x"})
        picture = Picture()
        picture.data = bytes(10_000)
        tagged.add_picture(picture)
        tagged.save()
        assert read_tags(flac) == MetadataRecord(
            "tags", {"title": "T", "artist": ["A", "B"], "release_date": "2024-02-03", "isrc": "GBAYE6900531"}
        )

    @pytest.mark.parametrize(("suffix", "container"), [("ogg", "OGG"), ("opus", "OGG")])
    def test_ogg(self, tmp_path: Path, suffix: str, container: str) -> None:
        """Ogg Vorbis and Opus carry the same comments."""
        path = tmp_path / f"a.{suffix}"
        sf.write(path, np.zeros(4800), 48_000, format=container, subtype="OPUS" if suffix == "opus" else "VORBIS")
        tagged = mutagen.File(path)
        tagged["title"] = "T"
        tagged.save()
        assert read_tags(path) == MetadataRecord("tags", {"title": "T"})

    def test_id3(self, tmp_path: Path) -> None:
        """ID3 frames of an MP3 have the common names."""
        path = tmp_path / "a.mp3"
        sf.write(path, np.zeros(48_000), 48_000, format="MP3")
        tags = ID3()
        for frame in (TIT2, TPE1, TSRC, TLAN, TDRC):
            tags.add(frame(encoding=3, text=["2001" if frame is TDRC else frame.__name__]))
        tags.save(path)
        assert read_tags(path) == MetadataRecord(
            "tags",
            {"title": "TIT2", "artist": "TPE1", "isrc": "TSRC", "language": "TLAN", "release_date": "2001"},
        )

    @pytest.mark.parametrize("mark", [TCON(encoding=3, text=["Podcast"]), PCST(value=1)], ids=["genre", "mark"])
    def test_podcasts_in_id3(self, tmp_path: Path, mark: Frame) -> None:
        """What is marked as a podcast has its show as album; its GUID and description have frames of their own."""
        path = tmp_path / "a.mp3"
        sf.write(path, np.zeros(48_000), 48_000, format="MP3")
        tags = ID3()
        for frame in (TIT2, TALB, TGID, TDES):
            tags.add(frame(encoding=3, text=[frame.__name__]))
        tags.add(mark)
        tags.save(path)
        found = read_tags(path)
        assert found is not None
        assert found.fields.pop("genre", "Podcast") == "Podcast"
        assert found.fields == {
            "title": "TIT2", "album": "TALB", "show": "TALB", "guid": "TGID", "description": "TDES"
        }  # fmt: skip

    def test_chapters(self, tmp_path: Path, flac: Path) -> None:
        """ID3 chapters with their ends, those of Vorbis comments as they stand, also where a time is none."""
        path = tmp_path / "a.mp3"
        sf.write(path, np.zeros(48_000), 48_000, format="MP3")
        tags = ID3()
        for number, end_ms in enumerate((90_000, 120_000)):
            title = TIT2(encoding=3, text=[f"Part {number}"])
            tags.add(CHAP(element_id=f"c{number}", start_time=60_000 * number, end_time=end_ms, sub_frames=[title]))
        tags.save(path)
        assert read_tags(path) == MetadataRecord("tags", {"chapters": [[0.0, 90.0, "Part 0"], [60.0, 120.0, "Part 1"]]})
        tagged = FLAC(flac)
        tagged.update({"CHAPTER001": "00:00:00.000", "CHAPTER001NAME": "Begin", "CHAPTER002": "soon"})
        tagged.save()
        assert read_tags(flac) == MetadataRecord(
            "tags", {"chapters": [["00:00:00.000", None, "Begin"], ["soon", None, ""]]}
        )

    def test_chapters_of_opus(self, tmp_path: Path) -> None:
        """Vorbis comments of an Ogg file have them as those of FLAC do."""
        path = tmp_path / "a.opus"
        sf.write(path, np.zeros(48_000), 48_000, format="OGG", subtype="OPUS")
        tagged = OggOpus(path)
        tagged.update({"CHAPTER001": "00:00:00.000", "CHAPTER002": "00:00:30.500", "CHAPTER002NAME": "Letters"})
        tagged.save()
        assert read_tags(path) == MetadataRecord(
            "tags", {"chapters": [["00:00:00.000", None, ""], ["00:00:30.500", None, "Letters"]]}
        )

    def test_a_chapter_whose_time_is_a_place_in_bytes(self, tmp_path: Path) -> None:
        """It is left out, and an end of that kind is none."""
        path = tmp_path / "a.mp3"
        sf.write(path, np.zeros(48_000), 48_000, format="MP3")
        tags = ID3()
        for number, times in enumerate(((0xFFFFFFFF, 0xFFFFFFFF), (5_000, 0xFFFFFFFF))):
            tags.add(CHAP(element_id=f"c{number}", start_time=times[0], end_time=times[1]))
        tags.save(path)
        assert read_tags(path) == MetadataRecord("tags", {"chapters": [[5.0, None, ""]]})

    @pytest.mark.parametrize(("flags", "replaced"), [("disable_chpl", b""), ("use_metadata_tags", b"tref")])
    def test_chapters_of_mp4(self, tmp_path: Path, flags: str, replaced: bytes) -> None:
        """They stand in a text track, as Apple writes them, or in Nero's list where there is no such track."""
        path = tmp_path / "a.m4a"
        said = ((0, 1_500, "Begin"), (1_500, 2_250, "Grüße"), (2_250, 3_000, "End"))
        with av.open(str(path), "w", format="mp4", options={"movflags": flags}) as file:
            file.set_chapters([
                {"id": number, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": title}}
                for number, (start, end, title) in enumerate(said)
            ])  # fmt: skip
            stream = file.add_stream("aac", rate=48_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 144_000), np.float32), format="fltp", layout="mono")
            frame.rate = 48_000
            for packet in (*stream.encode(frame), *stream.encode(None)):
                file.mux(packet)
        if replaced:
            path.write_bytes(path.read_bytes().replace(replaced, b"free"))
        found = read_tags(path)
        assert found is not None
        is_track = not replaced
        assert found.fields["chapters"] == [
            [start / 1000, end / 1000 if is_track else None, title] for start, end, title in said
        ]

    def test_mp4(self, tmp_path: Path) -> None:
        """MP4 atoms have the common names."""
        path = tmp_path / "a.m4a"
        with av.open(path, "w") as container:
            stream = container.add_stream("aac", rate=48_000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="fltp", layout="mono")
            frame.rate = 48_000
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
        tagged = mutagen.File(path, easy=True)
        tagged["title"], tagged["artist"], tagged["album"] = "T", "A", "B"
        tagged.save()
        found = read_tags(path)
        assert found is not None
        assert found.fields == {"title": "T", "artist": "A", "album": "B"}
        atoms = MP4(path)
        atoms["pcst"], atoms["egid"], atoms["desc"] = True, ["ep-1"], ["About"]
        atoms.save()
        found = read_tags(path)
        assert found is not None
        assert {"show": "B", "guid": "ep-1", "description": "About"}.items() <= found.fields.items()

    def test_long_values_are_bounded(self, flac: Path) -> None:
        """A value far longer than a field may be stays recognisably too long, and no longer."""
        tagged = FLAC(flac)
        tagged["title"] = "x" * 100_000
        tagged["artist"] = ["y"] * 1000
        tagged.save()
        found = read_tags(flac)
        assert found is not None
        assert len(found.fields["title"]) == MOST_CHARACTERS + 1
        assert len(found.fields["artist"]) == 16

    def test_files_without_tags(self, flac: Path, tmp_path: Path) -> None:
        """Nothing to say is None, be it audio, text, nothing at all or no file."""
        assert read_tags(flac) is None
        assert read_tags(_written(tmp_path / "text.mp3", "just text")) is None
        assert read_tags(_written(tmp_path / "empty.ogg", b"")) is None
        assert read_tags(tmp_path / "none.flac") is None

    def test_damaged_files(self, flac: Path, tmp_path: Path) -> None:
        """No damage to a file raises: flips and cuts all over a tagged head."""
        tagged = FLAC(flac)
        tagged.update({"title": "T" * 50, "artist": "A"})
        tagged.save()
        mp3 = tmp_path / "a.mp3"
        sf.write(mp3, np.zeros(4800), 48_000, format="MP3")
        tags = ID3()
        tags.add(TIT2(encoding=3, text=["T" * 50]))
        tags.save(mp3)
        chance = np.random.default_rng(7)
        for path in (flac, mp3):
            whole = path.read_bytes()
            for turn in range(30):
                damaged = bytearray(whole if turn % 2 else whole[: int(chance.integers(len(whole)))])
                for place in chance.integers(0, max(1, min(200, len(damaged))), 3):
                    if damaged:
                        damaged[place] = int(chance.integers(256))
                read_tags(_written(tmp_path / f"damaged{path.suffix}", bytes(damaged)))

    @pytest.mark.parametrize("frames", [_bomb, _many_frames])
    def test_tags_that_ask_too_much(
        self, tmp_path: Path, frames: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They are not known, and this process is none the worse for it."""
        monkeypatch.setattr("audiofeat.metadata_sources.tags._CPU_S", 0.0)
        evil = frames()
        path = _written(tmp_path / "evil.mp3", b"ID3\4\0\0" + _synchsafe(len(evil)) + evil + SILENCE)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert read_tags(path) is None
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000

    def test_hostile_text_in_a_tag_is_text(self, tmp_path: Path) -> None:
        """What is no text at all is left out, a picture beside it is not looked at."""
        frames = (
            _frame(b"APIC", b"\0image/png\0\3\0" + bytes(5_000_000))
            + _frame(b"TIT2", b"\3=cmd|' /C'!A0<script>'; DROP TABLE items; --")
            + _frame(b"TPE1", b"\3\xff\xfe\xff")
        )
        path = _written(tmp_path / "evil.mp3", b"ID3\4\0\0" + _synchsafe(len(frames)) + frames + SILENCE)
        assert read_tags(path) == MetadataRecord("tags", {"title": "=cmd|' /C'!A0<script>'; DROP TABLE items; --"})
