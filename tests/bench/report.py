"""The figures as a table for people, as JSON for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_HEAD: Final = """# Benchmarks

Written by `make bench`; the same figures as [JSON](benchmarks.json). {machine}. Everything in one
table was measured in one run, in turns; figures are medians of the rounds, ratios medians of the
rounds' ratios. Absolute figures hold for this machine; ratios and CPU time travel better. CPU is
what the operating system counts for all processes of a server, its kernel time included.

![CPU of a hit and of a rendition, ours and others'](benchmarks.svg)
"""
_HITS: Final = """
`× nginx` compares requests a second; `CPU × nginx` how many answers the time of a core is enough
for, which also tells where two workers and whoever asks them share the cores. nginx and Varnish
keep what the gateway answers, headers and all.
"""
_LIBRARIES: Final = """
CPU of one thread, from a portrait that is known (640 px, JPEG) to a PNG of 96 px; dB against
Lanczos in linear light.
"""
_SERVERS: Final = """
Whole requests over 4 connections; nobody keeps the result. The gateway reads the portrait of
another contact from its store each time, the others the same file.
"""
_COLD: Final = """
A new contact each time, 8 connections, an upstream without latency. The gateway asks the API,
fetches the picture, decodes it in the quarantine and stores it; the others only fetch the picture.
The upstream and wrk share the other core.
"""
_FORMATS: Final = """
From a portrait that is known: CPU, bytes, and SSIM and PSNR against Lanczos in linear light in
floating point; medians over five real photographs, and the least of them. 256 colours would need
0.98 for each of them to go unseen.
"""


def write(results: dict[str, Any], folder: Path) -> None:
    """Write ``benchmarks.md`` and ``benchmarks.json``."""
    text = json.dumps(results, indent=1, ensure_ascii=False)
    (folder / "benchmarks.json").write_text(text + "\n", encoding="utf-8")
    (folder / "benchmarks.md").write_text("\n".join(_document(results)) + "\n", encoding="utf-8")


def _document(results: dict[str, Any]) -> Iterable[str]:
    about = results["machine"]
    where = (
        f"{about['cores']} cores ({about['processor']}), Python {about['python']}, "
        f"load {about['load']} before the last start"
    )
    yield _HEAD.format(machine=f"{where}, {results['date']}")
    if results.get("note"):
        yield f"**{results['note']}**\n"
    if results["missing"]:
        yield "Missing: " + "; ".join(f"**{n}**: {why}" for n, why in results["missing"].items())
    yield from _table(
        "Goals", "", ("Goal", "", "Measured", "Met"),
        ((g["name"], g["goal"], g["measured"], "yes" if g["met"] else "**no**")
         for g in results["goals"]),
    )  # fmt: skip
    if "hits" in results:
        yield from _compared("Hits", _HITS, results["hits"], "nginx")
    if "company" in results:
        yield from _table(
            "Hits in company", "", ("Beside", "Requests/s", "p99 ms", "× alone"),
            ((c["beside"], rounded(c["rate"]), f"{c['p99']:.2f}", f"{c['p99_ratio']:.2f}")
             for c in results["company"]),
        )  # fmt: skip
    if "libraries" in results:
        yield from _table(
            "Renditions: the library", _LIBRARIES, ("Library", "CPU ms", "× ours", "KB", "dB"),
            ((r["name"], f"{r['ms']:.2f}", f"{r['ratio']:.2f}", f"{r['size'] / 1000:.1f}",
              f"{r['psnr']:.1f}") for r in results["libraries"]),
        )  # fmt: skip
    if "renditions" in results:
        yield from _compared("Renditions: the server", _SERVERS, results["renditions"], "ours")
    if "cold" in results:
        yield from _compared("Cold avatars", _COLD, results["cold"], "ours")
        p50, p99 = results["waits"]["p50"], results["waits"]["p99"]
        yield f"\nA lone viewer waits {p50:.1f} ms (p99 {p99:.1f})."
    if "formats" in results:
        yield from _table(
            "Formats and sizes", _FORMATS, ("px", "Format", "CPU ms", "KB", "SSIM", "dB", "least"),
            ((q["side"], q["format"], f"{q['ms']:.2f}", f"{q['size'] / 1000:.1f}",
              f"{q['ssim']:.3f}", f"{q['psnr']:.1f}", f"{q['least']:.1f}")
             for q in results["formats"]),
        )  # fmt: skip
    if "footprint" in results:
        own = results["footprint"]
        yield from _table(
            "Start-up and memory", "", ("What", "Measured"),
            (("process start to first byte", f"{own['start']:.2f} s"),
             ("the master process", f"{own['master']:.1f} MB"),
             ("its first worker", f"{own['worker']:.1f} MB"),
             ("a further worker", f"{own['further']:.1f} MB"),
             ("the quarantine's child, one a worker", f"{own['quarantine']:.1f} MB"),
             ("the child that draws, one a worker", f"{own['darkroom']:.1f} MB"),
             ("an avatar in memory, beside its body", f"{own['avatar']:.0f} B")),
        )  # fmt: skip


def _compared(title: str, text: str, rows: list[dict[str, Any]], to: str) -> Iterable[str]:
    columns = (
        "Case",
        "Server",
        "Requests/s",
        f"× {to}",
        "CPU µs",
        f"CPU × {to}",
        "p50 ms",
        "p99 ms",
    )
    yield from _table(
        title, text, columns,
        ((r["case"], r["server"], rounded(r["rate"]), f"{r['rate_ratio']:.2f}", rounded(r["cpu"]),
          f"{r['cpu_ratio']:.2f}", f"{r['p50']:.2f}", f"{r['p99']:.2f}") for r in rows),
    )  # fmt: skip


def _table(
    title: str, text: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]
) -> Iterable[str]:
    yield f"\n## {title}\n{text}"
    yield from grid(columns, rows)


def grid(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterable[str]:
    """Return the lines of a table."""
    yield f"| {' | '.join(columns)} |"
    yield "|" + "---|" * len(columns)
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)


def rounded(value: float) -> str:
    """Three digits that count: the rest is noise."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 10 else f"{value:.2g}"
