"""Workers are killed, and whoever asked them is known before."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.processes import stop_still
from tests.workers import holders, workers

if TYPE_CHECKING:
    import random

    from tests.processes import Running
    from tests.proof.chaos.viewers import Viewers


async def kill_worker(served: Running, viewers: Viewers, chance: random.Random) -> bool:
    """Kill one of the workers; False if the one that was drawn ended by itself meanwhile.

    It is stopped first, so that nobody comes or goes while the kernel is asked whom it serves.
    Between telling the viewers and the kill nothing else runs.
    """
    pid = chance.choice(sorted(workers(served)))
    try:
        await asyncio.to_thread(stop_still, pid)
        held = await asyncio.to_thread(holders, served)
        viewers.doom(port for port, owner in held.items() if owner == pid)
        os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def kill_decoder(served: Running, chance: random.Random) -> bool:
    """Kill a child that decodes pictures; False if there is none now."""
    decoders = [child for worker in workers(served) for child in _children(worker)]
    if not decoders:
        return False
    with suppress(ProcessLookupError):
        os.kill(chance.choice(sorted(decoders)), signal.SIGKILL)
    return True


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return []
