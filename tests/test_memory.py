import platform
import subprocess
import sys

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
