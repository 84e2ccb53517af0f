"""Archives: what comes out, and that what is meant to harm leaves nothing behind."""

from __future__ import annotations

import gzip
import io
import random
import stat
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from sparring.data import unpacking
from sparring.data.unpacking import unpack
from sparring.errors import DataError


@pytest.fixture
def inside(tmp_path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as packed:
        for member, content in members:
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return path


def entry(
    name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member, content if kind == tarfile.REGTYPE else b""


def packed_zip(path: Path, members: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def refused(archive: Path, inside: Path) -> str:
    around = sorted(inside.parent.rglob("*"))
    with pytest.raises(DataError) as caught:
        unpack(archive, inside / "set")
    assert sorted(inside.parent.rglob("*")) == around  # nothing anywhere, no temporary folder either
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_gives_its_folder_and_nothing_beside_it(tmp_path, inside, mode):
    folder = entry("./set/b", kind=tarfile.DIRTYPE)
    archive = tar(tmp_path / "a.tar", folder, entry("./set/b/1.txt", b"one"), entry("note.txt", b"no"), mode=mode)
    unpack(archive, inside / "set")
    assert (inside / "set" / "b" / "1.txt").read_bytes() == b"one"
    assert [path.name for path in inside.iterdir()] == ["set"]


def test_a_zip_and_a_gz_give_what_they_hold(tmp_path, inside):
    unpack(packed_zip(tmp_path / "a.zip", {"set/b/1.txt": b"one", "__MACOSX/x": b"no"}), inside / "set")
    assert (inside / "set" / "b" / "1.txt").read_bytes() == b"one"
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"two"))
    unpack(tmp_path / "a.gz", inside / "file")
    assert (inside / "file").read_bytes() == b"two"
    assert sorted(path.name for path in inside.iterdir()) == ["file", "set"]


@pytest.mark.parametrize("name", ["../set/x", "set/../../x", "/set/x", "set\\..\\x", "C:/set/x"])
def test_what_leads_out_of_the_folder_is_refused(tmp_path, inside, name):
    assert "leads out of the folder" in refused(tar(tmp_path / "a.tar.gz", entry("set/a"), entry(name)), inside)
    if "\\" not in name:  # zipfile itself turns it round
        assert "leads out of the folder" in refused(packed_zip(tmp_path / "a.zip", {"set/a": b"", name: b""}), inside)


@pytest.mark.fault(53)
@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "link"), (tarfile.CHRTYPE, "device"), (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "device"),
    ],
)  # fmt: skip
def test_links_and_devices_are_refused(tmp_path, inside, kind, word):
    archive = tar(tmp_path / "a.tar.gz", entry("set/a"), entry("set/b", kind=kind, link="/etc/passwd"))
    assert f"its member 'set/b' is a {word}" in refused(archive, inside)


def test_a_link_in_a_zip_is_refused(tmp_path, inside):
    archive = packed_zip(tmp_path / "a.zip", {"set/a": b"/etc/passwd"}, stat.S_IFLNK | 0o777)
    assert "its member 'set/a' is a link" in refused(archive, inside)


@pytest.mark.fault(53)
@pytest.mark.parametrize("kind", ["tar", "zip", "gz"])
def test_a_bomb_is_stopped_before_it_fills_the_disk(tmp_path, inside, kind):
    zeros = bytes(20_000_000)
    archive = tmp_path / f"bomb.{kind}"
    if kind == "tar":
        tar(archive, entry("set/a", zeros))
    elif kind == "zip":
        packed_zip(archive, {"set/a": zeros})
    else:
        archive.write_bytes(gzip.compress(zeros))
    assert "more than 100 times its own size" in refused(archive, inside)


@pytest.mark.parametrize("size", ["-1000000000000000", "1000000000000000"])
def test_a_sparse_member_pays_for_no_bomb(tmp_path, inside, size):
    """Its size is what its header says, also below 0, whether it is wanted or not."""
    note, _ = entry("note")
    note.pax_headers = {"GNU.sparse.size": size, "GNU.sparse.numblocks": "0"}
    archive = tar(tmp_path / "a.tar.gz", (note, b""), entry("set/a", bytes(20_000_000)))
    assert "its member 'note' is sparse" in refused(archive, inside)


@pytest.mark.parametrize("kind", ["comment", "name"])
def test_a_header_is_not_taken_into_memory_whatever_length_it_announces(tmp_path, inside, kind):
    member, content = entry("set/a" if kind == "comment" else "set/" + "a" * 30_000_000)
    if kind == "comment":
        member.pax_headers = {"comment": "a" * 30_000_000}
    archive = tar(tmp_path / "a.tar.gz", entry("set/noise", random.Random(0).randbytes(2_000_000)), (member, content))
    tracemalloc.start()
    assert "a header of it is longer than 1,048,576 bytes" in refused(archive, inside)
    assert tracemalloc.get_traced_memory()[1] < 12_000_000
    tracemalloc.stop()


def test_591_bytes_of_bz2_take_no_memory(tmp_path, inside):
    member, content = entry("set/a")
    member.pax_headers = {"comment": "a" * 200_000_000}
    archive = tar(tmp_path / "a.tar", (member, content), mode="w:bz2")
    assert archive.stat().st_size < 1000
    tracemalloc.start()
    refused(archive, inside)
    assert tracemalloc.get_traced_memory()[1] < 12_000_000
    tracemalloc.stop()


def test_too_many_members_are_refused(tmp_path, inside, monkeypatch):
    monkeypatch.setattr(unpacking, "MOST_FILES", 3)
    members = [entry(f"set/{number}") for number in range(4)]
    assert "more than 3 members" in refused(tar(tmp_path / "a.tar.gz", *members), inside)
    many = {f"set/{number}": b"" for number in range(4)}
    assert "more than 3 members" in refused(packed_zip(tmp_path / "a.zip", many), inside)


def test_an_encrypted_zip_is_refused(tmp_path, inside):
    archive = packed_zip(tmp_path / "a.zip", {"set/a": b"abc"})
    content = bytearray(archive.read_bytes())
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of both headers
        content[content.index(sign) + place] |= 1
    archive.write_bytes(content)
    assert "is encrypted" in refused(archive, inside)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_torn_archives_are_refused(tmp_path, inside, share):
    noise = bytes(range(256)) * 400
    for archive in (
        tar(tmp_path / "a.tar.gz", entry("set/a", noise)),
        tar(tmp_path / "b.tar", entry("set/a", noise), mode="w"),
        packed_zip(tmp_path / "a.zip", {"set/a": noise}),
    ):
        content = archive.read_bytes()
        archive.write_bytes(content[: int(len(content) * share)])
        assert "a." in refused(archive, inside) or "b." in refused(archive, inside)
    (tmp_path / "a.gz").write_bytes(gzip.compress(noise)[:300])
    assert "it is torn, so fetch it again" in refused(tmp_path / "a.gz", inside)


def test_an_archive_without_what_it_should_hold_and_a_foreign_file_are_refused(tmp_path, inside):
    assert "expected it to hold 'set', but there is nothing" in refused(tar(tmp_path / "a.tar.gz", entry("b")), inside)
    (tmp_path / "a.rar").write_bytes(b"Rar!")
    assert "expected a whole .tar, .tar.gz, .zip or .gz" in refused(tmp_path / "a.rar", inside)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    archive = tar(tmp_path / "a.tar.gz", entry("set/a"))
    with pytest.raises(DataError, match=r"set must be unpacked there, but it cannot be written to"):
        unpack(archive, tmp_path / "nowhere" / "set")
