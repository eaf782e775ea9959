"""The command line: ``avatar-gateway``.

Exit codes: 0 done, 1 a finding or a fallback, 2 usage or settings with one line that names what is
wrong. What only one command needs is imported by that command, since start-up counts.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway import __version__
from gateway.errors import GatewayError
from gateway.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM: Final = "avatar-gateway"
MAX_WORKERS: Final = 4

commands = typer.Typer(
    name=PROGRAM,
    help="One image URL for a WhatsApp contact that always works.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

Port = Annotated[int, typer.Option(min=1, max=65535, help="TCP port.")]
ContactArgument = Annotated[str, typer.Argument(help="Any form of a contact id, or me.")]
SizeOption = Annotated[str, typer.Option("--size", help="16 to 1024.")]
DprOption = Annotated[str, typer.Option("--dpr", help="1, 1.5, 2 or 3.")]
ShapeOption = Annotated[str, typer.Option("--shape", help="square, circle or rounded.")]
BgOption = Annotated[str, typer.Option("--bg", help="Background, rrggbb.")]
RingOption = Annotated[str, typer.Option("--ring", help="Ring, rrggbb.")]
FallbackOption = Annotated[
    str, typer.Option("--fallback", help="silhouette, initials, identicon, blank or 404.")
]
NameOption = Annotated[str, typer.Option("--name", help="A name, for initials.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process; never a traceback for what a user did.

    `arguments` None takes those of the process.
    """
    status = _run(arguments)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:  # whoever was told has gone, or has no room
        status = status or 1
    # The store's own threads may still be letting go of Python objects; an interpreter that is
    # taken apart under them aborts, after all has been done and said.
    os._exit(status)


def _run(arguments: Sequence[str] | None) -> int:
    """Run one command; its exit status. A bug passes through, with its traceback."""
    try:
        return int(commands(arguments, prog_name=PROGRAM, standalone_mode=False) or 0)
    except typer.TyperException as error:
        return _failed(error.format_message())
    except GatewayError as error:
        return _failed(str(error))
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except SystemExit as end:  # gunicorn's way to end, in the workers too
        return end.code if isinstance(end.code, int) else int(end.code is not None)


def _failed(message: str) -> int:
    """Print one line; the status of wrong usage."""
    print(f"{PROGRAM}: {' '.join(message.split())}", file=sys.stderr)
    return 2


@commands.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,  # noqa: FBT002 - typer's form of a flag
) -> None:
    if version:
        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        raise typer.Exit(_failed("a command is missing; --help names them"))


@commands.command()
def serve(
    host: Annotated[
        str, typer.Option(help="Address; 127.0.0.1, or 0.0.0.0 when $PORT is set.")
    ] = "",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; $PORT, or 8000.")] = 0,
    workers: Annotated[
        int,
        typer.Option(
            min=0,
            max=64,
            help="Processes; $WEB_CONCURRENCY, or one a CPU up to 4, and one for `memory:`.",
        ),
    ] = 0,
    examples: Annotated[
        Path | None, typer.Option(hidden=True, help="Contacts for the playground, from the demo.")
    ] = None,
) -> None:
    """Serve avatars until TERM or Ctrl-C; HUP reads the settings again."""
    from gateway.cli.examples import read  # noqa: PLC0415 - as below
    from gateway.server import serve as run  # noqa: PLC0415 - gunicorn and the whole app

    run(
        Settings.load,
        host=host or ("0.0.0.0" if os.environ.get("PORT") else "127.0.0.1"),  # noqa: S104 - where $PORT is set, a platform's router is the only way in
        port=port or _number("PORT", default=8000, highest=65535),
        workers=workers or _number("WEB_CONCURRENCY", default=_workers(), highest=64),
        examples=() if examples is None else read(examples),
    )


@commands.command()
def demo(port: Port = 8000, sandbox_port: Port = 8001) -> None:
    """Try it: a simulated WhatsApp and the gateway in front of it, until Ctrl-C."""
    from gateway.cli.demo import run  # noqa: PLC0415 - only here

    run(port=port, sandbox_port=sandbox_port)


@commands.command()
def sandbox(
    port: Port = 8001,
    gateway: Annotated[str, typer.Option(help="Where the gateway is, for the page at /.")] = "",
) -> None:
    """Run the simulated Wawp and CDN alone, for development and tests."""
    from gateway.cli.demo import run_sandbox  # noqa: PLC0415 - only here

    run_sandbox(port=port, gateway_url=gateway or None)


@commands.command()
def fetch(  # noqa: PLR0913, PLR0917 - one parameter an option of the command
    contact: ContactArgument,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="The file; its extension is the format; - for stdout."),
    ] = Path("avatar.png"),
    size: SizeOption = "",
    dpr: DprOption = "",
    shape: ShapeOption = "",
    bg: BgOption = "",
    ring: RingOption = "",
    fallback: FallbackOption = "",
    name: NameOption = "",
) -> None:
    """Write one avatar to a file, without a server; 1 if it is a fallback."""
    from gateway.cli.fetch import run  # noqa: PLC0415 - the whole app

    given = _given(size=size, dpr=dpr, shape=shape, bg=bg, ring=ring, fallback=fallback, name=name)
    raise typer.Exit(run(Settings.load(), contact, output, given))


@commands.command()
def url(  # noqa: PLR0913, PLR0917 - as above
    contact: ContactArgument,
    size: SizeOption = "",
    dpr: DprOption = "",
    shape: ShapeOption = "",
    bg: BgOption = "",
    ring: RingOption = "",
    fallback: FallbackOption = "",
    name: NameOption = "",
    opaque: Annotated[bool, typer.Option("--opaque", help="Hide the id in a token.")] = False,  # noqa: FBT002 - typer's form of a flag
    expires: Annotated[str, typer.Option(help="How long it is good: 24h, 30d.")] = "",
    html: Annotated[bool, typer.Option("--html", help="An <img> for a page.")] = False,  # noqa: FBT002 - as above
    markdown: Annotated[bool, typer.Option("--markdown", help="An image in Markdown.")] = False,  # noqa: FBT002 - as above
    email: Annotated[bool, typer.Option("--email", help="An <img> for an e-mail.")] = False,  # noqa: FBT002 - as above
) -> None:
    """Print the URL of an avatar, signed if there are keys, or a snippet that shows it."""
    from gateway.cli.url import Form, run  # noqa: PLC0415 - only here

    forms = {Form.HTML: html, Form.MARKDOWN: markdown, Form.EMAIL: email}
    wanted = [form for form, given in forms.items() if given] or [Form.PLAIN]
    if len(wanted) > 1:
        raise typer.BadParameter("--html, --markdown and --email exclude each other")
    given = _given(size=size, dpr=dpr, shape=shape, bg=bg, ring=ring, fallback=fallback, name=name)
    run(Settings.load(), contact, given, opaque=opaque, expires=expires, form=wanted[0])


@commands.command()
def warm(
    source: Annotated[
        Path, typer.Argument(help="One id a line, or CSV with a header; - for standard input.")
    ] = Path("-"),
    url: Annotated[str, typer.Option(help="A gateway to ask, such as http://127.0.0.1:8000.")] = "",
    rate: Annotated[str, typer.Option(help="At most so many: 1/s, 20/m, 600/h.")] = "",
    size: SizeOption = "",
) -> None:
    """Learn about many contacts; goes on where it was interrupted; 1 if some failed."""
    from gateway.cli.warm import run  # noqa: PLC0415 - the whole app

    raise typer.Exit(run(Settings.load(), source, url=url, rate=rate, size=size))


@commands.command()
def purge(
    contacts: Annotated[list[str], typer.Argument(help="Any forms of contact ids.")],
    suppress: Annotated[  # noqa: FBT002 - typer's form of a flag
        bool, typer.Option("--suppress", help="Show none of them until a refresh is ordered.")
    ] = False,
    url: Annotated[str, typer.Option(help="A gateway to ask, such as http://127.0.0.1:8000.")] = "",
) -> None:
    """Drop every copy of contacts, everywhere."""
    from gateway.cli.purge import run  # noqa: PLC0415 - the whole app

    raise typer.Exit(run(Settings.load(), contacts, suppress=suppress, url=url))


@commands.command()
def doctor(
    contact: Annotated[str, typer.Argument(help="Whose story to tell; none: the set-up.")] = "",
) -> None:
    """Say what is wrong with the set-up, or why a contact shows a silhouette; 1 on a finding."""
    from gateway.cli.doctor import run  # noqa: PLC0415 - the whole app

    raise typer.Exit(run(contact))


def _given(**options: str) -> dict[str, str]:
    """Those options of a URL that have a value."""
    return {name: value for name, value in options.items() if value}


def _workers() -> int:
    """How many processes serve if nobody says."""
    if Settings.load().store == "memory:":
        return 1  # it is one process's own: another would not learn of an order
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cpus or 1, MAX_WORKERS)


def _number(name: str, *, default: int, highest: int) -> int:
    """A number from the environment; raises `typer.BadParameter` naming it."""
    text = os.environ.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= highest):
        raise typer.BadParameter(f"{name} takes a number from 1 to {highest}")
    return int(text)
