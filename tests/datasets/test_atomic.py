import errno

import pytest

from fashion_mocluster.datasets.atomic import write_atomically
from fashion_mocluster.datasets.errors import DataFileError


def test_a_new_file_in_a_new_folder_and_its_replacement(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    for text in ("old", "new"):
        write_atomically(path, lambda temporary, text=text: temporary.write_text(text))
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, number):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail(*_):
        raise OSError(number, "reason of the system")

    monkeypatch.setattr("os.fsync", fail)
    remedies = {errno.ENOSPC: " Free some space, then run again.", errno.EIO: ""}
    remedy = remedies.get(number, " Make the folder writable")
    with pytest.raises(DataFileError) as error:
        write_atomically(path, lambda temporary: temporary.write_text("new"))
    start = f"{path}: cannot be written (reason of the system); the file that was there before is "
    assert str(error.value).startswith(f"{start}unchanged.{remedy}")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("in_the_way", ["x", "x/a.txt"])
def test_a_file_where_a_folder_should_be_or_the_reverse(tmp_path, in_the_way):
    if in_the_way == "x":
        (tmp_path / "x").touch()
    else:
        (tmp_path / in_the_way).mkdir(parents=True)
    with pytest.raises(DataFileError, match=r"a\.txt: cannot be written.*move it away"):
        write_atomically(tmp_path / "x" / "a.txt", lambda temporary: temporary.touch())
