"""Runs MiniStack until standard input ends, then removes its folder and ends its process group.

The test holds the other end of the pipe: however the test ends, nothing stays behind.
"""

import glob
import os
import shutil
import signal
import sys
import threading

folder = sys.argv[1]


def end_with_the_test():
    while os.read(0, 1024):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    # What libfaketime shares with the children; a killed process does not tidy up.
    for shared in glob.glob(f"/dev/shm/*faketime_s*_{os.getpid()}"):
        os.remove(shared)
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_the_test, daemon=True).start()
del sys.argv[1:]

from ministack.app import main  # noqa: E402

main()
