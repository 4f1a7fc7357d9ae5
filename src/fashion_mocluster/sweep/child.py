"""``kedro run`` in a process that ends with the process that started it, however that ends.

It is started with a pipe as standard input, which closes when its other end dies. No run is left behind
to hold the lock on a folder that another worker is to go on with.
"""

import os
import signal
import sys
import threading

from fashion_mocluster.__main__ import main


def end_with_parent() -> None:
    """Kill this process and those it started, at once: whatever files a run leaves half done, the next
    one writes again.
    """
    os.read(sys.stdin.fileno(), 1)
    os.killpg(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    main()
