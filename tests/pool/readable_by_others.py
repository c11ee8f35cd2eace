"""Opens every sealed file of the pool argv[1] with h5py, as somebody without this program would."""

import glob
import sys

import h5py

pool = sys.argv[1]
pages = states = trunks = 0
for path in sorted(glob.glob(pool + "/shards/*.h5")):
    with h5py.File(path, "r") as file:
        (name,) = file.keys()
        data = file[name]
        attributes = dict(data.attrs)
        assert attributes["rows"] == data.shape[0], path
        assert b"expert first_id + i" in attributes["what"], path
        assert attributes["format_version"] == 1 and attributes["block"] in (0, 3) and attributes["first_id"] in (0, 4, 8), path
        if name == "experts":
            pages += 1
            assert data.shape[1:] == (2, attributes["width"]), path
            assert attributes["layout"].startswith(b"[down | up]"), path
            assert data.id.get_offset() == 4096 and data.chunks is None, path
            if attributes["block"] == 3 and attributes["first_id"] == 4:
                assert attributes["element"] == b"bf16"
                assert data[:].astype("float32").ravel().tolist() == [1, 2, 3, 4, 5, 6, 7, 8], path
            if attributes["block"] == 0 and attributes["first_id"] == 0:
                assert attributes["element"] == b"fp32" and data[0, 0, 0] == 7 and data[3, 1, 2] == 7 + 23 / 64, path
        else:
            states += 1
            assert name == "state" and data.ndim == 2, path
for path in glob.glob(pool + "/trunk/*.h5"):
    with h5py.File(path, "r") as file:
        trunks += 1
        assert sorted(file.keys()) == ["bias", "weights"] and file["weights"].shape == (2, 3), path
        assert file["weights"][1, 2] == 7 + 5 / 64 and b"dense tensors" in file.attrs["what"], path
assert (pages, states, trunks) == (5, 2, 1), (pages, states, trunks)
print("h5py reads", pages, "pages,", states, "states and", trunks, "trunk")
