"""What went on behind the other proofs: an API that was down, a dashboard, a million strangers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.dashboard import closest
from tests.e2e.test_memory import MEMORY

if TYPE_CHECKING:
    from tests.proof.ten_minutes.conftest import Behind


def test_an_api_that_is_down_for_ten_minutes_is_left_alone_and_faces_are_back(
    behind: Behind,
) -> None:
    behind.join()
    outage = behind.outage
    print(f"\n{outage.seconds:.0f} s down: {outage.during.total()} answers {dict(outage.during)},")
    print(
        f"{len(outage.calls)} questions; {outage.healed:.1f} s after it healed {dict(outage.after)}"
    )
    outage.verify()


def test_two_hundred_faces_over_four_workers_come_no_faster_than_thirty_a_minute(
    behind: Behind,
) -> None:
    behind.join()
    times, dashboard = behind.asked, behind.dashboard
    print(
        f"\n{len(dashboard.contacts)} faces after {dashboard.seconds:.0f} s, {len(times)}", end=" "
    )
    print(f"questions; 31 in {closest(times, 30):.1f} s, 11 in {closest(times, 10):.1f} s at least")
    assert len(times) == len(dashboard.contacts)
    assert closest(times, 30) > 60
    assert closest(times, 10) > 20


def test_a_million_strangers_take_no_more_memory_than_a_worker_may_have(behind: Behind) -> None:
    behind.join()
    told = ", ".join(f"{taken / 2**20:.0f}" for taken in behind.memory)
    print(f"\n{behind.strangers} strangers; MiB after each tenth of them: {told}")
    assert len(behind.memory) == 10
    assert max(behind.memory) <= MEMORY
