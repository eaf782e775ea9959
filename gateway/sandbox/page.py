"""The page at `/`: the whole cast, each face through the gateway. No scripts, light and dark."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from gateway.sandbox.cast import CAST

if TYPE_CHECKING:
    from gateway.sandbox.cast import Contact

__all__ = ["HEADERS", "render"]

_POLICY: Final = (
    "default-src 'none'; img-src http: https:; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
HEADERS: Final = (
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
)

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sandbox · the cast</title>
<style>
:root {{
  --page: #f6f5f1; --card: #ffffff; --text: #1f2328; --soft: #646b76;
  --line: #e4e2db; --accent: #0f766e; --tint: #e3f1ee;
}}
@media (prefers-color-scheme: dark) {{
  :root {{
    --page: #14171b; --card: #1d2127; --text: #eceef1; --soft: #9ba4b0;
    --line: #2d333b; --accent: #5eead4; --tint: #173531;
  }}
}}
* {{ box-sizing: border-box }}
body {{
  margin: 0; padding: 3rem 1.25rem 4rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}}
main, header, footer {{ max-width: 72rem; margin: 0 auto }}
h1 {{ margin: 0; font-size: 2rem; line-height: 1.2; letter-spacing: -.02em }}
header p {{ margin: .5rem 0 0; max-width: 46rem; color: var(--soft) }}
.hint {{
  margin-top: 1.25rem; padding: .8rem 1rem; max-width: 46rem; color: var(--text);
  background: var(--tint); border-left: 4px solid var(--accent); border-radius: .4rem;
}}
code {{ font: .85em/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }}
ul {{
  list-style: none; margin: 2rem 0; padding: 0; display: grid; gap: .9rem;
  grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr));
}}
li {{
  display: flex; gap: 1rem; padding: 1rem; align-items: center; background: var(--card);
  border: 1px solid var(--line); border-radius: .9rem; position: relative;
}}
li:has(h2 a:hover) {{ border-color: var(--accent) }}
h2 a {{ color: inherit; text-decoration: none }}
h2 a::after {{ content: ""; position: absolute; inset: 0; border-radius: .9rem }}
h2 a:focus-visible {{ outline: none }}
h2 a:focus-visible::after {{ outline: 2px solid var(--accent); outline-offset: 2px }}
img, .no-face {{
  flex: none; width: 72px; height: 72px; border-radius: 50%; background: var(--line);
}}
.no-face {{ display: grid; place-items: center; font-size: 1.5rem; color: var(--soft) }}
li div {{ min-width: 0 }}
h2 {{ margin: 0; font-size: 1.05rem; display: inline }}
.kind {{
  margin-left: .4rem; padding: .1rem .5rem; border-radius: 1rem; font-size: .72rem;
  background: var(--tint); color: var(--accent); white-space: nowrap; vertical-align: .1em;
}}
li code {{
  display: block; width: fit-content; position: relative; color: var(--soft);
  overflow-wrap: anywhere;
}}
li p {{ margin: .15rem 0 0; font-size: .92rem }}
footer {{ color: var(--soft); font-size: .9rem }}
a {{ color: var(--accent) }}
</style>
</head>
<body>
<header>
<h1>The cast</h1>
<p>A simulated Wawp API and WhatsApp CDN. Nobody here is real; each contact shows one thing that
the real ones do. Any other phone number has a photo too, unless it ends in 00.</p>
{hint}
</header>
<main>
<ul>
{rows}
</ul>
</main>
<footer>
<p>Levers for tests: <a href="/_sandbox/scenarios">scenarios</a> ·
<a href="/_sandbox/calls">recorded calls</a> · <a href="/_sandbox/cast">the cast as JSON</a></p>
</footer>
</body>
</html>
"""

_WITHOUT_GATEWAY: Final = (
    '<p class="hint">No gateway is attached, so there are no faces. <code>make demo</code> starts '
    "both; or point a gateway at this sandbox with <code>WAWP_BASE_URL={base}</code> "
    "and <code>GATEWAY_CDN_ORIGINS={base}</code>.</p>"
)
_WITH_GATEWAY: Final = (
    '<p class="hint">Every face below comes through the gateway at '
    '<a href="{gateway}/">{gateway}</a>. One that is slow or missing is meant '
    "to be. Choose one to try it in the playground.</p>"
)

_ROW: Final = """<li>{face}<div><h2>{title}</h2><span class="kind">{kind}</span>
<code>{id}</code><p>{shows}</p></div></li>"""
_FACE: Final = (
    '<img src="{gateway}/avatar/{path}.png?size=72&amp;dpr=2" width="72" height="72" '
    'loading="lazy" alt="">'
)
_LINK: Final = '<a href="{gateway}/#{path}">{name}</a>'
_NO_FACE: Final = '<span class="no-face" aria-hidden="true">{initial}</span>'


def render(gateway_url: str | None, base_url: str, cast: tuple[Contact, ...] = CAST) -> str:
    """The page; without a gateway it says how to attach one and shows initials."""
    # Only http(s): anything else would put a stranger's scheme into links on this page.
    if gateway_url and gateway_url.startswith(("http://", "https://")):
        gateway = escape(gateway_url.rstrip("/"))
        hint = _WITH_GATEWAY.format(gateway=gateway)
    else:
        gateway = ""
        hint = _WITHOUT_GATEWAY.format(base=escape(base_url))
    return _PAGE.format(hint=hint, rows="\n".join(_row(one, gateway) for one in cast))


def _row(contact: Contact, gateway: str) -> str:
    """One entry; `gateway` is escaped already, or empty."""
    name = escape(contact.name)
    if gateway:
        path = escape(quote(contact.id, safe="@"))
        face = _FACE.format(gateway=gateway, path=path)
        title = _LINK.format(gateway=gateway, path=path, name=name)
    else:
        title = name
        face = _NO_FACE.format(initial=escape(contact.name[:1]))
    return _ROW.format(
        face=face,
        title=title,
        kind=escape(contact.kind),
        id=escape(contact.id),
        shows=escape(contact.shows),
    )
