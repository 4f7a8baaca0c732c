"""Whether a host answers is known within seconds."""

import http.server
import socket
import threading
import time

import pytest

from dfad_tf.data.downloads import unreachable_host


class Refusing(http.server.BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_HEAD(self):
        self.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def test_each_host_is_asked_once_and_its_status_does_not_matter(server):
    Refusing.asked.clear()
    assert unreachable_host([f"{server}/a", f"{server}/b", "file:///c"]) is None
    assert Refusing.asked == ["/a"]


def test_a_host_without_a_server_is_named():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/a"
    assert unreachable_host([address]) == "127.0.0.1"
    assert unreachable_host(["http://no-such-host.invalid/a"]) == "no-such-host.invalid"


def test_a_host_that_does_not_answer_is_named_in_time():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        start = time.monotonic()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        assert unreachable_host([address], seconds=0.3) == "127.0.0.1"
        assert time.monotonic() - start < 10
