""".npz: NumPy's archives, as other programs and malicious ones write them."""

import io
import struct
import zipfile

import numpy as np
import pytest
from formats._files import refused
from stress._fuzz_tables import files_of

from firth.cli import main
from firth.errors import FormatError
from firth.formats import read_vectors, write_vectors

VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)

KEYS = ["a", "b", "c"]

# --- archives of other programs


def test_an_npz_with_other_names_and_layout_is_read(tmp_path):
    np.savez_compressed(tmp_path / "v.npz", words=np.array(["a", "b", "c"]), embeddings=np.asfortranarray(VECTORS))
    found = read_vectors(tmp_path / "v.npz")
    assert found.keys == ["a", "b", "c"]
    assert np.array_equal(found.vectors, VECTORS)


def npy(descr, shape, data, text=None):
    text = text or b"{'descr': %r, 'fortran_order': False, 'shape': %r}" % (descr, shape)
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(text)) + text + data


def archive(vectors, keys=None, *, names=("vectors.npy", "keys.npy"), packing=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as packed:
        packed.writestr(names[0], vectors)
        packed.writestr(names[1], keys or npy("<U1", (3,), "abc".encode("utf-32-le")))
    return file.getvalue()


def matrix(shape=(3, 2), descr="<f4", data=None):
    return npy(descr, shape, VECTORS.tobytes() if data is None else data)


def test_numbers_in_the_other_byte_order_are_turned(tmp_path):
    (tmp_path / "v.npz").write_bytes(archive(matrix(descr=">f4", data=VECTORS.astype(">f4").tobytes())))
    found = read_vectors(tmp_path / "v.npz")
    assert found.vectors.dtype.isnative
    assert np.array_equal(found.vectors, VECTORS)


def test_a_single_empty_word_goes_into_an_npz_and_comes_back(tmp_path):
    write_vectors(tmp_path / "v.npz", None, [""], VECTORS[:1])
    assert read_vectors(tmp_path / "v.npz").keys == [""]


def test_a_word_that_ends_in_a_nul_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"word 'nul\\x00' ends in a NUL"):
        write_vectors(tmp_path / "v.npz", None, ["nul\0"], VECTORS[:1])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": VECTORS}, r"has no vectors: it holds \['a'\]"),
        ({"vectors": VECTORS}, r"has no keys: it holds \['vectors'\]"),
        ({"vectors": VECTORS, "keys": np.array(["a"])}, "do not fit together"),
        ({"vectors": VECTORS, "keys": np.ones(3)}, "its keys are of dtype float64"),
        ({"vectors": VECTORS, "keys": np.arange(3), "counts": np.ones(2)}, "do not fit together"),
    ],
)
def test_an_npz_without_matching_keys_and_vectors_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "v.npz", **arrays)
    with pytest.raises(FormatError, match=message):
        read_vectors(tmp_path / "v.npz")


# --- malformed archives


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive(matrix((-1, 2))), "in a shape that is not negative"),
        (archive(matrix((-3, -2))), "in a shape that is not negative"),
        (archive(matrix((True, 2))), "in a shape that is not negative"),
        (archive(matrix((0, 1 << 62), data=b"")), "in a shape that is not negative"),
        (archive(matrix((1 << 31, 1 << 31))), "vectors declares 18,446,744,073,709,551,616 bytes and has 24"),
        (archive(matrix((3, 1))), "vectors declares 12 bytes and has 24"),
        (archive(matrix() + b"more"), "vectors declares 24 bytes and has 28"),
        (archive(matrix(), npy("<U0", (10**12,), b"")), "its keys are of shape"),
        (archive(matrix(), npy("<U1", (3,), struct.pack("<3I", 97, 0x110000, 98))), "0x110000, which is not a char"),
        (archive(matrix(), npy("<u8", (3,), bytes(16) + b"\xff" * 8)), "a key is 18446744073709551615"),
        (archive(matrix(), npy("|O", (3,), b"cos\nsystem\n(S'exit 7'\ntR.")), "which firth never opens"),
        (archive(matrix((3, 1), "<f16", bytes(48))), "do not fit together"),
        (archive(npy(0, 0, b"", b"(" * 9000)), "vectors is not a NumPy array"),
        (archive(npy(0, 0, b"", b"-" * 9000 + b"1")), "vectors is not a NumPy array"),
        (archive(npy(0, 0, b"", b"  1\n 2\n3")), "vectors is not a NumPy array"),
        (archive(npy(0, 0, b"", b"{'descr':('<f4',(2,)),'fortran_order':False,'shape':(3,)}")), "and dtype"),
        (archive(matrix(), packing=zipfile.ZIP_BZIP2), "packed by method 12; NumPy stores or deflates"),
        (archive(matrix(), packing=zipfile.ZIP_LZMA), "packed by method 14; NumPy stores or deflates"),
        (archive(matrix(), names=("../vectors.npy", "../keys.npy")), "has no vectors"),
    ],
)  # fmt: skip
def test_a_malformed_npz_is_refused(tmp_path, content, message):
    (tmp_path / "v.npz").write_bytes(content)
    refused(tmp_path / "v.npz", message)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused(tmp_path):
    (tmp_path / "v.npz").write_bytes(archive(matrix(), matrix(), names=("vectors.npy",) * 2))
    refused(tmp_path / "v.npz", "two arrays of the same name")


def test_an_npz_that_is_encrypted_or_claims_more_than_it_can_hold_is_refused(tmp_path):
    whole = archive(matrix())
    entry = whole.index(b"PK\1\2")
    encrypted, huge, liar = bytearray(whole), bytearray(whole), bytearray(archive(matrix((1 << 20, 1023))))
    encrypted[6] = encrypted[entry + 8] = 1
    huge[entry + 24 : entry + 28] = b"\xfe\xff\xff\xff"
    (tmp_path / "v.npz").write_bytes(encrypted)
    refused(tmp_path / "v.npz", "is encrypted")
    (tmp_path / "v.npz").write_bytes(huge)
    refused(tmp_path / "v.npz", "declares 24 bytes and has 4,294,9")
    at, header = liar.index(b"PK\1\2"), len(matrix((1 << 20, 1023), data=b""))
    liar[at + 24 : at + 28] = struct.pack("<I", header + (4 * 1023 << 20))
    (tmp_path / "v.npz").write_bytes(liar)
    refused(tmp_path / "v.npz", "declares 4,290,772,992 bytes and has 4,290,772,992")


def test_an_npz_that_names_an_array_twice_and_differently_is_refused_in_a_short_message(tmp_path):
    whole = bytearray(archive(matrix(), npy("<U1", (3,), "abc".encode("utf-32-le") + bytes(3000))))
    whole[26:28] = struct.pack("<H", 3000)
    (tmp_path / "v.npz").write_bytes(whole)
    refused(tmp_path / "v.npz", "is not a complete .npz file: File name in directory")


def test_an_npz_of_ten_thousand_arrays_is_refused_in_a_short_message(tmp_path):
    with zipfile.ZipFile(tmp_path / "v.npz", "w") as packed:
        for number in range(10_000):
            packed.writestr(f"{number}\n.npy", b"")
    refused(tmp_path / "v.npz", "has no vectors")


def test_a_flipped_bit_of_an_npz_changes_no_vector_and_no_key(tmp_path):
    whole = files_of("npz", KEYS, None)["v"]
    sound = None
    for bit in range(-1, 8 * len(whole), 11):
        content = bytearray(whole)
        if bit >= 0:
            content[bit // 8] ^= 1 << bit % 8
        (tmp_path / "v.npz").write_bytes(content)
        try:
            found = read_vectors(tmp_path / "v.npz", "npz")
        except FormatError:
            continue
        sound = sound or found
        assert (found.keys, found.vectors.tobytes()) == (sound.keys, sound.vectors.tobytes())
    assert sound is not None


# --- the command line


def test_converting_a_broken_file_exits_with_1_and_writes_nothing(tmp_path, capsys):
    (tmp_path / "v.npz").write_bytes(archive(matrix((-3, -2))))
    assert main(["convert", str(tmp_path / "v.npz"), str(tmp_path / "out.txt")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out.txt").exists()
