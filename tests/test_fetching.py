"""Files of a card: fetched from a server of this machine, verified, unpacked; what is said where they cannot be."""

from __future__ import annotations

import errno
import gzip
import hashlib
import http.server
import json
import os
import re
import socket
import ssl
import struct
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from sparring.data import cards, dataset_names, fetching, load_dataset, read_card
from sparring.data.fetching import FileCard, gather, verify
from sparring.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 6, 5), dtype=np.uint8)

CARD = """
name = "mine"
title = "Mine"
description = "A set of known format."
reader = "idx"
path = "a folder with train.gz and test.gz"
size = "24 samples"
licence = "CC0-1.0"
source = "this test"
[options]
train = "train"
test = "test"
[fields.image]
meaning = "image"
unit = "1"
"""


def idx(images: np.ndarray) -> bytes:
    return struct.pack(">HBB3I", 0, 8, 3, *images.shape) + images.tobytes()


def file_entry(name: str, url: str, content: bytes, *, checksum: bool = True) -> str:
    lines = [f'name = "{name}.gz"', f'urls = ["{url}/{name}.gz"]', f'holds = "{name}"', f"bytes = {len(content)}"]
    if checksum:
        lines.append(f'checksum = "md5:{hashlib.md5(content).hexdigest()}"')
    return "\n".join(["[[files]]", *lines, ""])


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """Where sets are fetched to; nothing goes through a proxy."""
    monkeypatch.setenv("SPARRING_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "*")
    return tmp_path / "home"


@pytest.fixture
def server(tmp_path):
    """(folder, address, paths that were asked for)."""
    folder = tmp_path / "served"
    folder.mkdir()
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            asked.append(self.path)

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *arguments):
            """A client that hangs up is part of these tests."""

    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))  # seconds between two looks for the end
        thread.start()
        yield folder, f"http://127.0.0.1:{running.server_address[1]}", asked
        running.shutdown()
        thread.join()


@pytest.fixture
def own_set(tmp_path, monkeypatch, home, server):
    """A set called mine, served; its contents by file name."""
    folder, url, _ = server
    contents = {"train": gzip.compress(idx(IMAGES[:18])), "test": gzip.compress(idx(IMAGES[18:]))}
    for name, content in contents.items():
        (folder / f"{name}.gz").write_bytes(content)
    shelf = tmp_path / "cards"
    shelf.mkdir()
    entries = "".join(file_entry(name, url, content) for name, content in contents.items())
    (shelf / "mine.toml").write_text(CARD.replace("[options]", entries + "[options]"))
    monkeypatch.setattr(cards, "shipped", lambda _: shelf)
    return contents


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refusal(call, *arguments, **keywords) -> str:
    with pytest.raises(DataError) as caught:
        call(*arguments, **keywords)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_set_is_fetched_once_verified_and_unpacked(own_set, home, server):
    _, _, asked = server
    data = load_dataset("mine")
    np.testing.assert_array_equal(data.fields["image"][:, 0], IMAGES)
    assert data.parts == {"train": 18, "test": 6}
    assert data.ids[0] == "train-1"
    assert data.ids[18] == "test-1"
    assert len(asked) == 2
    assert sorted(path.name for path in (home / "mine").iterdir() if path.name[0] != ".") == [
        "test", "test.gz", "train", "train.gz",
    ]  # fmt: skip
    assert load_dataset("mine").sha256 == data.sha256
    assert len(asked) == 2  # nothing is asked for twice


def test_what_comes_with_another_checksum_is_not_kept(own_set, home, server):
    folder, _, _ = server
    (folder / "train.gz").write_bytes(gzip.compress(idx(IMAGES[:18][::-1])).ljust(len(own_set["train"]), b"\0"))
    message = refusal(load_dataset, "mine")
    assert "could not be fetched (what came has another checksum than the card)" in message
    assert not (home / "mine" / "train.gz").exists()
    assert not (home / "mine" / "train").exists()


def test_the_second_address_is_tried(home, server):
    folder, url, asked = server
    (folder / "a.bin").write_bytes(b"abc")
    file = FileCard(name="a.bin", urls=(f"http://127.0.0.1:{closed_port()}/a.bin", f"{url}/missing", f"{url}/a.bin"))
    gather("mine", (file,), home, may_fetch=True)
    assert (home / "a.bin").read_bytes() == b"abc"
    assert asked == ["/missing", "/missing", "/a.bin"] or asked == ["/missing", "/a.bin"]


def test_without_network_one_sentence_says_what_to_put_where(home):
    url = f"http://127.0.0.1:{closed_port()}"
    files = tuple(FileCard(name=name, urls=(f"{url}/{name}",)) for name in ("a.gz", "b.gz"))
    message = refusal(gather, "mine", files, home / "mine", may_fetch=True)
    assert "could not be fetched (the server refused the connection): " in message
    assert f"get a.gz from {url}/a.gz and b.gz from {url}/b.gz" in message
    assert f"put it into {home / 'mine'}, and run the same command again" in message
    assert "--data-path" in message


@pytest.mark.parametrize(
    ("error", "phrase"),
    [
        (socket.gaierror(-2, "Name or service not known"), "no such address, or no network"),
        (ConnectionRefusedError(111, "Connection refused"), "the server refused the connection"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "no network"),
        (TimeoutError("timed out"), "the server is silent"),
        (ssl.SSLError("certificate verify failed"), "no trusted connection to the server"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, OSError) else None,
)
def test_what_the_network_refuses_is_said_in_a_phrase(home, monkeypatch, error, phrase):
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    file = FileCard(name="a.bin", urls=("http://data.example/a.bin",))
    assert f"could not be fetched ({phrase}): " in refusal(gather, "mine", (file,), home / "mine", may_fetch=True)


def test_a_server_that_stops_halfway_is_called_silent(home, monkeypatch):
    monkeypatch.setattr(fetching, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
                connection.recv(1)  # until the other side hangs up

        thread = threading.Thread(target=answer)
        thread.start()
        file = FileCard(name="a.bin", urls=(f"http://127.0.0.1:{listening.getsockname()[1]}/a.bin",))
        message = refusal(gather, "mine", (file,), home / "mine", may_fetch=True)
        thread.join()
    assert "could not be fetched (the server is silent): " in message


def test_a_folder_of_the_users_is_never_fetched_into(own_set, tmp_path, server):
    _, url, asked = server
    mine = tmp_path / "own"
    mine.mkdir()
    message = refusal(load_dataset, "mine", mine)
    train, test = (f"{name}.gz (or {name}, what it holds) from {url}/{name}.gz" for name in ("train", "test"))
    assert f"--data-path must hold {train} and {test}, but {mine} does not; put it there" in message
    assert "leave --data-path out to have it fetched" in message
    assert asked == []
    for name, content in own_set.items():
        (mine / f"{name}.gz").write_bytes(content)
    assert len(load_dataset("mine", mine)) == 24
    assert asked == []


def test_a_changed_file_of_the_users_is_refused(own_set, tmp_path):
    mine = tmp_path / "own"
    mine.mkdir()
    changed = gzip.compress(idx(IMAGES[:18][::-1])).ljust(len(own_set["train"]), b"\0")
    (mine / "train.gz").write_bytes(changed[: len(own_set["train"])])
    (mine / "test.gz").write_bytes(own_set["test"])
    assert "its checksum must be what the card says" in refusal(load_dataset, "mine", mine)
    assert not (mine / "train").exists()


def test_what_is_unpacked_already_needs_no_archive(own_set, tmp_path):
    mine = tmp_path / "own"
    mine.mkdir()
    for name, content in own_set.items():
        (mine / name).write_bytes(gzip.decompress(content))
    assert len(load_dataset("mine", mine)) == 24


def test_a_path_that_is_a_file_is_refused(own_set, tmp_path):
    (tmp_path / "train").write_bytes(b"")
    assert "--data-path must be a folder" in refusal(load_dataset, "mine", tmp_path / "train")


def test_a_torn_or_changed_file_is_refused_by_its_card(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    known = f"md5:{hashlib.md5(b'abc').hexdigest()}"
    file = FileCard(name="a.bin", checksum=known, bytes=3)
    verify(path, file)
    path.write_bytes(b"ab")
    assert "must be 3 bytes long, but got 2; it is torn" in refusal(verify, path, file)
    path.write_bytes(b"abd")
    os.utime(path, ns=(1, 1))  # a change within the clock's grain would not be seen by time
    assert f"must be what the card says, {known}, but got md5:" in refusal(verify, path, file)


def test_where_nobody_publishes_a_checksum_the_first_is_kept(tmp_path):
    path, file = tmp_path / "a.bin", FileCard(name="a.bin")
    path.write_bytes(b"abc")
    verify(path, file)
    record = tmp_path / ".a.bin.verified"
    assert json.loads(record.read_text())["checksum"] == f"sha256:{hashlib.sha256(b'abc').hexdigest()}"
    path.write_bytes(b"abd")
    os.utime(path, ns=(1, 1))
    assert "must be what it had when it was first fetched, sha256:" in refusal(verify, path, file)
    record.unlink()  # as the message says
    verify(path, file)


def test_a_verified_file_is_not_read_again_until_it_changes(tmp_path, monkeypatch):
    path, file = tmp_path / "a.bin", FileCard(name="a.bin")
    path.write_bytes(b"abc")
    verify(path, file)
    read: list[Path] = []
    digest = fetching._digest
    monkeypatch.setattr(fetching, "_digest", lambda *arguments: read.append(path) or digest(*arguments))
    verify(path, file)
    assert read == []
    os.utime(path, ns=(1, 1))
    verify(path, file)
    assert read == [path]


def test_a_file_that_does_not_end_is_cut_off(home, server):
    folder, url, _ = server
    (folder / "a.bin").write_bytes(bytes(4_000_000))
    message = refusal(
        gather, "mine", (FileCard(name="a.bin", urls=(f"{url}/a.bin",), bytes=1000),), home, may_fetch=True
    )
    assert "more than the 1,000 bytes that the card announces" in message
    assert not (home / "a.bin").exists()


def test_one_card_takes_nothing_that_another_of_its_name_has_fetched(own_set, home, server, tmp_path, monkeypatch):
    """A stranger's card called as a shipped one, or a copy of it that was edited."""
    folder, url, _ = server
    strange = gzip.compress(idx(IMAGES[:12]))
    (folder / "strange.gz").write_bytes(strange)
    entry = file_entry("train", url, strange).replace("/train.gz", "/strange.gz")
    other = tmp_path / "elsewhere" / "mine.toml"
    other.parent.mkdir()
    other.write_text(CARD.replace("[options]", entry + "[options]"))
    assert len(load_dataset(str(other), options={"test": None})) == 12
    assert len(load_dataset("mine")) == 24, "the shipped one's own images"
    assert len(load_dataset(str(other), options={"test": None})) == 12
    assert sorted(path.name[:5] for path in home.iterdir()) == ["mine", "own"]


@pytest.mark.parametrize("name", ["..", ".", "a/../../b", "-rf", ""])
def test_a_card_is_named_as_a_folder_may_be(tmp_path, name):
    path = tmp_path / f"{name.replace('/', '-')}.toml"
    path.write_text(CARD.replace('name = "mine"', f'name = "{name}"'))
    assert "name" in refusal(load_dataset, str(path))


def test_a_file_of_unknown_length_has_an_end_too(home, server, monkeypatch):
    folder, url, _ = server
    monkeypatch.setattr(fetching, "MOST_BYTES", 1000)
    (folder / "a.bin").write_bytes(bytes(4_000_000))
    message = refusal(gather, "mine", (FileCard(name="a.bin", urls=(f"{url}/a.bin",)),), home, may_fetch=True)
    assert "more than the 1,000 bytes that are fetched where a card says no length" in message


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("https://93.184.215.14/a", "http://127.0.0.1/a", "from https to http"),
        ("http://93.184.215.14/a", "http://127.0.0.1:8000/a", "led to 127.0.0.1"),
        ("http://93.184.215.14/a", "http://[::1]/a", "led to ::1"),
        ("http://93.184.215.14/a", "http://169.254.169.254/latest", "led to 169.254.169.254"),
        ("http://93.184.215.14/a", "http://8.8.8.8/a", ""),
        ("http://93.184.215.14/a", "/b", ""),
        ("http://127.0.0.1/a", "http://127.0.0.1/b", ""),
    ],
)
def test_a_server_of_the_net_leads_to_no_place_that_only_this_machine_sees(source, target, words):
    response = SimpleNamespace(is_redirect=True, url=source, headers={"location": target})
    if not words:
        fetching._stays_outside(response)
        return
    with pytest.raises(OSError, match=re.escape(words)):
        fetching._stays_outside(response)


def test_a_place_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    file = FileCard(name="a.bin", urls=("http://127.0.0.1/a.bin",))
    message = refusal(gather, "mine", (file,), tmp_path / "file" / "mine", may_fetch=True)
    assert f"it is fetched into {tmp_path / 'file' / 'mine'}, but that cannot be written to" in message
    assert "SPARRING_DATA" in message


def test_imagenet_says_what_to_get_by_hand():
    message = refusal(load_dataset, "imagenet")
    for words in ("not shipped; give --data-path", "ILSVRC2012_img_train.tar", "https://image-net.org/download"):
        assert words in message


@pytest.mark.parametrize("name", dataset_names())
def test_a_fetched_set_names_addresses_and_a_checksum_or_its_absence(name):
    card = read_card(name)
    for file in card.files:
        assert file.urls
        assert file.checksum or "checksum" in card.source + card.description


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('name = "../x"', "files.0.name: wants a text of the form"),
        ('name = "x"\nurls = ["file:///etc/passwd"]', "files.0.urls.0: wants a text of the form"),
        ('name = "x"\nchecksum = "md5:12"', "files.0.checksum: wants a text of the form"),
        ('name = "x"\nholds = "a/b"', "files.0.holds: wants a text of the form"),
    ],
)
def test_a_card_with_a_dangerous_file_is_refused(tmp_path, monkeypatch, entry, words):
    monkeypatch.setattr(cards, "shipped", lambda _: tmp_path)
    (tmp_path / "mine.toml").write_text(CARD.replace("[options]", f"[[files]]\n{entry}\n[options]"))
    with pytest.raises(DataError, match=words):
        read_card("mine")


def test_a_set_with_files_says_what_a_folder_must_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "shipped", lambda _: tmp_path)
    text = CARD.replace("[options]", '[[files]]\nname = "x"\n[options]').replace('path = "a folder with', 'title2 = "')
    (tmp_path / "mine.toml").write_text("\n".join(line for line in text.splitlines() if "title2" not in line))
    with pytest.raises(DataError, match="path: a set with files says what a folder of the user's must hold"):
        read_card("mine")
