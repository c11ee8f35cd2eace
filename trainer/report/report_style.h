// The style sheet of the report. Colours are named once for light and once for dark; orange is worse and teal is better, a pair that
// colour-blind readers tell apart, and every coloured cell also says its change in figures.
#pragma once

namespace peer::trainer {

inline constexpr char kReportStyle[] = R"css(
:root { color-scheme: light dark; --page: #fcfcfa; --ink: #1d2125; --soft: #626a72; --rule: #e2e2dc; --fill: #f2f2ed; --accent: #285a86;
  --worse1: #fdeadb; --worse2: #fbcfae; --worse3: #f4a877; --worse4: #e8834a;
  --use1: #e9f0f6; --use2: #cfe0ee; --use3: #a5c5e0; --use4: #709fc9; --use5: #34699a; --on5: #fff;
  --view0: #a9b0b6; --view1: #3f78ad; --view2: #dd8a41; --view3: #3d9488; --view4: #94609f; --view5: #c7ac3a; --view6: #bb5348;
  --view7: #7080c4;
  --better1: #e0f1ef; --better2: #bce0dc; --better3: #8ccac4; --better4: #5cb0aa; }
@media screen and (prefers-color-scheme: dark) {
  :root { --page: #15181b; --ink: #e8e8e4; --soft: #9ba3ab; --rule: #2d3236; --fill: #1f2327; --accent: #86b8e3;
    --worse1: #3a2a1f; --worse2: #573420; --worse3: #7c4322; --worse4: #a04f20;
    --use1: #1d2832; --use2: #233648; --use3: #2b4963; --use4: #36618a; --use5: #4178ab; --on5: #fff;
    --view0: #6d757d; --view1: #5b95cf; --view2: #d98a4a; --view3: #4fa79a; --view4: #b07cc0; --view5: #c9b458; --view6: #c8665c;
    --view7: #7f8fd6;
    --better1: #1d3332; --better2: #204845; --better3: #235f5b; --better4: #25736d; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 3.5rem 1.5rem 4rem; }
header { border-bottom: 1px solid var(--rule); padding-bottom: 1.75rem; }
h1 { font-size: 2rem; line-height: 1.2; letter-spacing: -.015em; font-weight: 650; margin: 0 0 .35rem; }
h2 { font-size: 1.2rem; font-weight: 650; margin: 3rem 0 .35rem; }
.about { color: var(--soft); margin: 0 0 1.25rem; overflow-wrap: anywhere; }
.lead { font-size: 1.125rem; max-width: 46rem; margin: 0; overflow-wrap: anywhere; }
.note, .legend, footer { color: var(--soft); font-size: .875rem; }
.note { margin: 0 0 1rem; max-width: 46rem; }
.key { display: grid; grid-template-columns: repeat(4, 1fr); margin: 1.75rem 0 0; gap: 0 1.5rem; }
.key div { display: flex; flex-direction: column-reverse; justify-content: flex-end; }
.key dt { font-size: .9375rem; line-height: 1.35; }
.key dd { margin: 0; font-size: 1.75rem; font-weight: 600; letter-spacing: -.01em; line-height: 1.3; }
table, .key dd, svg text { font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; font-size: .9375rem; }
th { font-weight: 500; text-align: right; }
th:first-child { text-align: left; }
td { text-align: right; white-space: nowrap; }
small { display: block; font-size: .75rem; line-height: 1.3; color: var(--soft); }
.scroll { overflow-x: auto; position: relative; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 4px; }
.scroll th:first-child { position: sticky; left: 0; background: var(--page); z-index: 1; }
.plain { width: 100%; }
.plain th, .plain td { padding: .5rem .5rem .5rem 1rem; border-bottom: 1px solid var(--rule); vertical-align: top; }
.plain th:first-child { padding-left: 0; }
.plain thead th { color: var(--soft); font-size: .875rem; border-bottom-color: var(--soft); vertical-align: bottom; }
.plain tfoot th, .plain tfoot td { border-bottom: 0; font-weight: 600; }
.plain .words { text-align: left; white-space: normal; color: var(--soft); }
.heat { border-collapse: separate; border-spacing: 3px; margin: 0 -3px; min-width: min(100%, 34rem); }
.heat th { padding: .35rem .6rem .35rem 3px; max-width: 14rem; overflow-wrap: break-word; }
.heat thead th { text-align: center; color: var(--soft); font-size: .875rem; vertical-align: bottom; padding: .35rem; }
.heat thead th:first-child { text-align: left; padding-left: 3px; }
.heat th b { display: inline-block; min-width: 1.25em; font-weight: 500; color: var(--soft); }
.heat td { text-align: center; min-width: 5.25rem; height: 3.4rem; padding: .3rem .6rem; border-radius: 5px; line-height: 1.3;
  background: var(--fill); }
.heat td small { color: inherit; opacity: .85; }
.heat td.before, .heat td.missing { background: none; color: var(--soft); }
.heat td.learnt { box-shadow: inset 0 0 0 2px var(--accent); }
.heat td.learnt small { color: var(--accent); opacity: 1; }
.worse1, .heat .worse1 { background: var(--worse1); } .worse2, .heat .worse2 { background: var(--worse2); }
.worse3, .heat .worse3 { background: var(--worse3); } .worse4, .heat .worse4 { background: var(--worse4); }
.better1, .heat .better1 { background: var(--better1); } .better2, .heat .better2 { background: var(--better2); }
.better3, .heat .better3 { background: var(--better3); } .better4, .heat .better4 { background: var(--better4); }
.heat td.own { box-shadow: inset 0 0 0 2px var(--accent); }
.heat td.sum { background: none; }
.heat .use1 { background: var(--use1); } .heat .use2 { background: var(--use2); } .heat .use3 { background: var(--use3); }
.heat .use4 { background: var(--use4); } .heat .use5 { background: var(--use5); color: var(--on5); }
.same { background: var(--fill); }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .6rem; margin: .75rem 0 0; }
.scale { display: inline-flex; gap: 2px; }
.scale i { width: 1.15rem; height: .7rem; border-radius: 2px; }
.curves { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17.5rem), 1fr)); gap: 1.5rem 1.75rem;
  margin: 1.25rem 0 0; }
figure { margin: 0; min-width: 0; break-inside: avoid; }
figcaption { font-size: .9375rem; line-height: 1.4; overflow-wrap: anywhere; }
figcaption b { font-weight: 600; }
figcaption span { color: var(--soft); font-size: .875rem; display: block; }
svg { display: block; width: 100%; height: auto; margin-top: .35rem; overflow: visible; }
svg text { font-size: 12px; fill: var(--soft); }
svg .y { text-anchor: end; } svg .x { text-anchor: middle; } svg .now { fill: var(--ink); font-weight: 600; }
.grid { stroke: var(--rule); }
.level { stroke: var(--soft); stroke-dasharray: 2 3; }
.band { fill: var(--accent); opacity: .2; }
.ahead, .since { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.ahead { stroke: var(--soft); stroke-dasharray: 1 5; }
.since, .learnt { stroke: var(--accent); }
.dot { fill: var(--accent); } circle.learnt { fill: var(--page); stroke-width: 2.5; }
.early { fill: var(--soft); }
.naive { stroke: var(--ink); stroke-width: 2; }
.switch { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 3 3; }
.grids .use0 { fill: var(--fill); } .grids .use1 { fill: var(--use1); } .grids .use2 { fill: var(--use2); }
.grids .use3 { fill: var(--use3); } .grids .use4 { fill: var(--use4); } .grids .use5 { fill: var(--use5); }
.grids text[class*="on-"] { fill: var(--ink); } .grids text.on-use5 { fill: var(--on5); }
.swatch { display: inline-flex; align-items: center; gap: .35rem; }
.swatch i { width: .8rem; height: .8rem; border-radius: 2px; }
.view0 { fill: var(--view0); background: var(--view0); } .view1 { fill: var(--view1); background: var(--view1); }
.view2 { fill: var(--view2); background: var(--view2); } .view3 { fill: var(--view3); background: var(--view3); }
.view4 { fill: var(--view4); background: var(--view4); } .view5 { fill: var(--view5); background: var(--view5); }
.view6 { fill: var(--view6); background: var(--view6); } .view7 { fill: var(--view7); background: var(--view7); }
footer { border-top: 1px solid var(--rule); margin-top: 3rem; padding-top: 1.25rem; }
footer p { margin: 0 0 .5rem; max-width: 46rem; }
@media (max-width: 40rem) {
  main { padding: 2rem 1rem 2.5rem; }
  h1 { font-size: 1.6rem; }
  .lead { font-size: 1.0625rem; }
  .key { grid-template-columns: 1fr 1fr; gap: 1.1rem 1rem; }
  .heat td { min-width: 4.1rem; padding: .3rem; }
  .numbers, .numbers tbody { display: block; }
  .numbers thead { display: none; }
  .numbers tr { display: grid; grid-template-columns: 1fr auto; border-bottom: 1px solid var(--rule); padding: .5rem 0; }
  .numbers th, .numbers td { border: 0; padding: 0; }
  .numbers .words { grid-column: 1 / -1; font-size: .875rem; } }
@media print {
  body { font-size: 10.5pt; background: none; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; margin-top: 1.75rem; }
  tr, .key div { break-inside: avoid; }
  .scroll { overflow: visible; }
  .scroll th:first-child { position: static; background: none; }
  .heat { font-size: 9pt; break-inside: avoid; }
  .heat td { min-width: 0; height: auto; }
  .curves { grid-template-columns: repeat(3, 1fr); }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
)css";

}  // namespace peer::trainer
