import platform
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

# Allocates, fills and frees 8 blocks of 64 MB, and prints how often the system had to hand out a page.
CODE = """
import resource
import numpy as np
from fashion_mocluster.memory import keep_freed_memory, return_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(8):
        np.empty(2**26, np.uint8).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before = faults()
keep_freed_memory()
faults()
kept = faults()
return_freed_memory()
print(before, kept, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told so")
def test_freed_blocks_are_used_again_until_they_are_returned():
    # In a process of its own, for what is kept stays kept.
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    before, kept, returned = map(int, done.stdout.split())
    assert kept < before / 10
    assert returned > 10 * kept


# Reads a file of 80 MB, and prints by how many bytes that grew the process once the table is gone, before
# and after freed memory was returned.
READ = """
import sys
import pandas as pd
import psutil
from fashion_mocluster.hooks import MemoryHook
from fashion_mocluster.settings import HOOKS

[hook] = (hook for hook in HOOKS if isinstance(hook, MemoryHook))
small, large = sys.argv[1:]
pd.read_parquet(small)
begin = psutil.Process().memory_info().rss
pd.read_parquet(large)
kept = psutil.Process().memory_info().rss
hook.before_node_run()
print(kept - begin, psutil.Process().memory_info().rss - begin)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told so")
def test_a_node_begins_without_what_reading_its_inputs_has_freed(tmp_path):
    files = []
    for count in (10, 100_000):
        table = pd.DataFrame(np.random.default_rng(0).random((count, 100)))
        files.append(tmp_path / f"{count}.parquet")
        table.rename(columns=str).to_parquet(files[-1])
    call = [sys.executable, "-c", READ, *map(str, files)]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    kept, returned = map(int, done.stdout.split())
    assert returned < kept / 2
