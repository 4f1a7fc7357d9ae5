"""What the catalog can read and write beyond kedro-datasets."""
