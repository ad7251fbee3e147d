"""How the report's page looks, in light and dark, on paper and on a phone."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

from vostool.video.colour.palette import colour_of

# Lightness of an object's colour: at most this on white, about this on black.
MAX_LIGHTNESS, DARK_LIGHTNESS, DARK_RANGE = 0.4, 0.68, (0.5, 0.85)

STYLE = """
:root { color-scheme: light dark;
  --paper: #fbfbfa; --card: #ffffff; --ink: #1c2024; --quiet: #5b646e; --grid: #e4e6e8; --axis: #8a939c;
  --accent: #0b5cad; --stripe: #f3f4f5;
  --s0: #1a66ab; --s1: #c0391b; --s2: #23764a; --s3: #7d3c98; --s4: #9a6200; --s5: #555b61; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #131619; --card: #1b1f23; --ink: #e8eaec; --quiet: #a2abb4; --grid: #2e343a; --axis: #6f7881;
  --accent: #7db8f5; --stripe: #20252a;
  --s0: #6db3f2; --s1: #f58a6e; --s2: #6bcf98; --s3: #c79be0; --s4: #e8b552; --s5: #b3bac1; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 3.5rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
header, main, footer { max-width: 72rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: .5rem; border-top: 1px solid var(--grid); }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { margin: .25rem 0 1rem; max-width: 46rem; }
.quiet, footer, caption, dt, .note { color: var(--quiet); }
a { color: var(--accent); }
nav { position: sticky; top: 0; z-index: 1; background: var(--paper); border-bottom: 1px solid var(--grid);
  margin-top: 1.25rem; }
nav ul { display: flex; gap: .25rem 1.25rem; list-style: none; margin: 0 auto; padding: .6rem 1.25rem;
  max-width: 72rem; overflow-x: auto; white-space: nowrap; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0; padding: 0; list-style: none; }
.tiles li { background: var(--card); border: 1px solid var(--grid); border-radius: .6rem; padding: .7rem 1.1rem;
  min-width: 8.5rem; }
.tiles b { display: block; font-size: 1.75rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles span { color: var(--quiet); font-size: .85rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem 1.25rem; margin: 1rem 0 0;
  font-size: .92rem; }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .92em ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 0 0 1.5rem; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .35rem; font-size: .9rem; }
th, td { padding: .32rem .7rem; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--grid); }
thead th { color: var(--quiet); font-weight: 600; border-bottom: 1px solid var(--axis); }
tbody th { font-weight: 500; }
tbody tr:nth-child(even) { background: var(--stripe); }
.figure { text-align: right; }
figure { margin: 0; }
.card { background: var(--card); border: 1px solid var(--grid); border-radius: .6rem; padding: .8rem 1rem;
  margin: 0 0 1rem; }
summary { cursor: pointer; font-variant-numeric: tabular-nums; }
summary strong { margin-right: .75rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: .5rem 1.5rem;
  align-items: start; }
.triple { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .5rem; }
.triple img { display: block; width: 100%; height: auto; border-radius: .25rem; background: #000; }
.triple span { color: var(--quiet); font-size: .82rem; }
figcaption { margin-top: .35rem; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.key { display: inline-block; width: .8em; height: .8em; border-radius: .15em; margin: 0 .25em 0 .1em; }
.chart { display: block; width: 100%; height: auto; max-width: 40rem; }
.chart text { fill: var(--quiet); font-size: 12px; }
.chart text.end { fill: var(--c); font-weight: 700; }
.chart text.name { font-weight: 700; }
.chart .halo { fill: var(--ink); stroke: var(--card); stroke-width: 4px; paint-order: stroke; }
.grid { stroke: var(--grid); }
.axis { stroke: var(--axis); }
.line { fill: none; stroke: var(--c); stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
.line .dot { fill: var(--c); stroke: none; }
.mark { fill: none; stroke: var(--c); stroke-width: 1.6; }
.mark.lost > circle { fill: var(--c); stroke: none; }
.mark.absent > rect { fill: var(--card); stroke-width: 1.2; }
.mark.worst > circle { fill: var(--card); fill-opacity: .6; }
.line.s1 { stroke-dasharray: 8 4; } .line.s2 { stroke-dasharray: 2 4; } .line.s3 { stroke-dasharray: 12 4 2 4; }
.line.s4 { stroke-dasharray: 5 3; } .line.s5 { stroke-dasharray: 1 3; }
.swatch.s1, .swatch.s4 { background: repeating-linear-gradient(90deg, var(--c) 0 .4rem, transparent 0 .55rem); }
.swatch.s2, .swatch.s5 { background: repeating-linear-gradient(90deg, var(--c) 0 .15rem, transparent 0 .3rem); }
.swatch.s3 { background: repeating-linear-gradient(90deg, var(--c) 0 .6rem, transparent 0 .75rem, var(--c) 0 .85rem); }
.legend { list-style: none; margin: .25rem 0 .5rem; padding: 0; font-size: .88rem; display: grid; gap: .15rem; }
.legend li { display: grid; grid-template-columns: 1.4rem minmax(0, 1fr); align-items: baseline;
  overflow-wrap: anywhere; }
.swatch { width: 1rem; height: .25rem; border-radius: .15rem; background: var(--c); align-self: start;
  margin-top: .6em; }
.note { display: block; }
.symbol::before { font-weight: 700; margin-right: .4em; }
.symbol.missing::before { content: "\\00d7"; } .symbol.lost::before { content: "\\2022";
  } .symbol.absent::before { content: "\\25a1"; }
footer { padding-bottom: 2.5rem; margin-top: 2rem; font-size: .85rem; }
@media (max-width: 40rem) {
  .triple { grid-template-columns: minmax(0, 1fr); }
  .chart text { font-size: 15px; }
  .tiles li { flex: 1 1 40%; min-width: 0; padding: .5rem .8rem; } .tiles b { font-size: 1.4rem; }
  dl { grid-template-columns: minmax(0, 1fr); } dt { margin-top: .3rem; } th, td { padding: .3rem .5rem; } }
@media print { nav { display: none; } .card { break-inside: avoid; } }
"""


def style_sheet(object_ids: Iterable[int]) -> str:
    """CSS of the whole page; the objects have the palette's colours, made fit to be read on white and on black."""
    systems = "\n".join(f".s{index} {{ --c: var(--s{index}); }}" for index in range(6))
    ids = sorted(set(object_ids))
    light = "\n".join(f".o{each} {{ --c: {_colour(each, is_dark=False)}; }}" for each in ids)
    dark = "\n".join(f".o{each} {{ --c: {_colour(each, is_dark=True)}; }}" for each in ids)
    return f"{STYLE}{systems}\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def _colour(object_id: int, *, is_dark: bool) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(*(each / 255 for each in colour_of(object_id)))
    if is_dark:
        low, high = DARK_RANGE
        lightness = min(max(DARK_LIGHTNESS + 0.6 * (lightness - 0.25), low), high)
    else:
        lightness = min(lightness, MAX_LIGHTNESS)
    return "#" + "".join(f"{round(each * 255):02x}" for each in colorsys.hls_to_rgb(hue, lightness, saturation))
