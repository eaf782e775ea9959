"""What is done to processes: ours, and those that ours need."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.processes import stop_still
from tests.proof.chaos.killing import kill_decoder, kill_worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.proof.chaos.scene import Scene


@asynccontextmanager
async def worker_killed(scene: Scene) -> AsyncIterator[None]:
    if not await kill_worker(scene.served, scene.viewers, scene.chance):
        scene.diary.note("worker was gone")
    yield


@asynccontextmanager
async def decoder_killed(scene: Scene) -> AsyncIterator[None]:
    if not kill_decoder(scene.served, scene.chance):
        scene.diary.note("there was no decoder")
    yield


@asynccontextmanager
async def reloaded(scene: Scene) -> AsyncIterator[None]:
    scene.served.process.send_signal(signal.SIGHUP)
    yield


@asynccontextmanager
async def valkey_frozen(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.shared.valkey.freeze)
    yield
    scene.shared.valkey.thaw()


@asynccontextmanager
async def valkey_killed(scene: Scene) -> AsyncIterator[None]:
    """It keeps nothing on disk, so everything that machines had in common is gone."""
    await asyncio.to_thread(scene.shared.valkey.kill)
    yield
    await asyncio.to_thread(scene.shared.valkey.start)


@asynccontextmanager
async def valkey_emptied(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.shared.valkey.command, "FLUSHALL")
    yield


@asynccontextmanager
async def store_frozen(scene: Scene) -> AsyncIterator[None]:
    process = scene.shared.bucket.process
    await asyncio.to_thread(stop_still, process.pid)
    yield
    process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def store_killed(scene: Scene) -> AsyncIterator[None]:
    await asyncio.to_thread(scene.shared.bucket.kill)
    yield
    await asyncio.to_thread(scene.shared.bucket.start)
