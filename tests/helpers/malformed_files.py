"""Randomly damaged copies of a model: removed, changed and swapped bytes."""

import io
import shutil
import zipfile

import numpy as np


def damaged(content, random):
    """Return a damaged copy of some bytes, which differs from them."""
    operations = (_cut_end, _cut_middle, _flip_bits, _overwrite, _swap)
    while True:
        changed = operations[random.integers(len(operations))](bytearray(content), random)
        if bytes(changed) != content:
            return bytes(changed)


def damaged_copy(path, target, random):
    """Write a damaged copy of a model.

    In three quarters of the copies of an archive, one member is damaged and its checksum is
    correct. In a copy of a SavedModel one file is damaged, in half of the copies the graph; a
    quarter of the copies has no fingerprint, which TensorFlow writes since 2.11.
    """
    if path.is_dir():
        shutil.copytree(path, target)
        if random.random() < 0.25:
            (target / "fingerprint.pb").unlink(missing_ok=True)
        files = sorted(file for file in target.rglob("*") if file.is_file())
        graph = random.random() < 0.5
        chosen = target / "saved_model.pb" if graph else files[random.integers(len(files))]
        chosen.write_bytes(damaged(chosen.read_bytes(), random))
        return target
    content = path.read_bytes()
    inside = zipfile.is_zipfile(path) and random.random() < 0.75
    target.write_bytes(_damaged_inside(content, random) if inside else damaged(content, random))
    return target


def _damaged_inside(content, random):
    """Damage one member of an archive and write a new archive with correct checksums."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    chosen = sorted(members)[random.integers(len(members))]
    members[chosen] = damaged(members[chosen], random)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return packed.getvalue()


def _place(content, random, length=0):
    end = max(1, len(content) - length)
    if random.random() < 0.3:  # among the first bytes, which contain headers
        end = min(end, 2048)
    return int(random.integers(end))


def _cut_end(content, random):
    return content[: _place(content, random)]


def _cut_middle(content, random):
    length = int(random.choice([1, 4, 64, 1024]))
    start = _place(content, random, length)
    return content[:start] + content[start + length :]


def _flip_bits(content, random):
    for _ in range(int(random.choice([1, 2, 8, 64]))):
        if content:
            content[_place(content, random)] ^= 1 << int(random.integers(8))
    return content


def _overwrite(content, random):
    length = int(random.choice([1, 4, 8, 64]))
    start = _place(content, random, length)
    filling = random.choice(["zeros", "ones", "noise"])
    size = len(content[start : start + length])
    noise = random.integers(0, 256, size, dtype=np.uint8).tobytes()
    values = {"zeros": bytes(size), "ones": b"\xff" * size, "noise": noise}
    content[start : start + length] = values[str(filling)]
    return content


def _swap(content, random):
    length = int(random.choice([1, 4, 32, 256]))
    first, second = sorted(_place(content, random, length) for _ in range(2))
    length = min(length, second - first)
    one, other = content[first : first + length], content[second : second + length]
    content[first : first + length] = other
    content[second : second + len(one)] = one
    return content
