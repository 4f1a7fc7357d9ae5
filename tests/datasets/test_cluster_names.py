import pytest

from fashion_mocluster.datasets.cluster_names import ClusterNamesDataset
from fashion_mocluster.datasets.errors import DataFileError

LINES = [
    ["cluster", "name", "clustering"],
    ["0", "Hüte", "abcdefgh"],
    ["3", "NA", ""],
    ["2", "2024", "abcdefgh"],
]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_what_a_spreadsheet_saves_is_the_same_table(tmp_path, separator, encoding):
    path = tmp_path / "names.csv"
    lines = [separator.join(line) for line in LINES]
    path.write_bytes("\r\n".join([*lines, separator * 2, ""]).encode(encoding))
    table = ClusterNamesDataset(filepath=str(path)).load()
    assert list(table) == LINES[0]
    assert table["name"][:3].to_list() == ["Hüte", "NA", "2024"]
    assert table["cluster"][:3].to_list() == [0, 3, 2]
    assert table["clustering"].isna().to_list() == [False, True, False, True]


def test_what_is_no_table_is_named(tmp_path):
    dataset = ClusterNamesDataset(filepath=str(tmp_path / "names.csv"))
    with pytest.raises(DataFileError, match=r"names.csv: .*\(No such file"):
        dataset.load()
    (tmp_path / "names.csv").write_bytes(b"")
    with pytest.raises(DataFileError, match=r"names.csv: cannot be read as a table"):
        dataset.load()
