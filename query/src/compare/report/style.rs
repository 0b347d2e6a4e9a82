//! The style sheet of a report, for light and dark pages and for print.
//!
//! Guarantee: no address and no font from elsewhere; colours are told apart by people who see few of them (lines carry
//! dashes besides, verdicts carry words and shapes).

/// The style sheet.
pub(super) const STYLE: &str = "
:root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--fg:#1d2430;--soft:#5a6472;--line:#dfe3e8;--grid:#eceef1;
--code:#f2f4f6;--accent:#2457a6;--good:#0b6e5f;--goodbg:#e2f3ef;--bad:#b3400a;--badbg:#fdeee4;--diff:#6a3fa0;--diffbg:#f0e9f8;
--s0:#2457a6;--s1:#d9730d;--s2:#0b8a6f;--s3:#b0377f;--s4:#7a5c00;--s5:#5b4bb7;--s6:#3b8ac4;--s7:#6b7280}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2029;--fg:#e6e9ee;--soft:#9aa5b4;--line:#303947;--grid:#28303c;
--code:#222a35;--accent:#82b1ff;--good:#5fd3bb;--goodbg:#143630;--bad:#ffa36b;--badbg:#43260f;--diff:#c9a8f5;--diffbg:#33264a;
--s0:#7fb0ff;--s1:#ffab5e;--s2:#54cfb0;--s3:#f08cc6;--s4:#d9bb4f;--s5:#b3a5ff;--s6:#8fd0f5;--s7:#aab3c0}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}
main,header,footer{max-width:1060px;margin:0 auto;padding:0 24px}
header{padding-top:36px}
h1{font-size:27px;line-height:1.25;margin:0 0 10px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:20px;margin:0 0 6px;letter-spacing:-.005em}
h3{font-size:15px;margin:26px 0 4px}
.kicker{color:var(--accent);font-weight:600;font-size:13px;letter-spacing:.04em;margin:0 0 6px;text-transform:uppercase}
.lead{color:var(--soft);margin:0 0 16px;max-width:78ch}
.faint{color:var(--soft);font-size:13px}
section{margin:44px 0;scroll-margin-top:16px}
nav{margin:20px 0 0;padding:10px 0;border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;margin:0;padding:0}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-9999px}.skip:focus{left:12px;top:12px;background:var(--card);padding:8px 12px}
.arms{display:grid;grid-template-columns:repeat(auto-fit,minmax(250px,1fr));gap:12px;margin:18px 0 0;padding:0;list-style:none}
.arms li{background:var(--card);border:1px solid var(--line);border-left:5px solid var(--c,var(--s7));border-radius:8px;padding:10px 14px}
.arms b{font-size:16px}.arms code{display:block;background:none;padding:0;margin:2px 0;color:var(--soft);overflow-wrap:anywhere}
.stand{display:flex;flex-wrap:wrap;gap:4px 26px;margin:16px 0 0;padding:0;list-style:none;font-size:13px;color:var(--soft)}
.stand b{color:var(--fg);font-weight:600}
.findings{list-style:none;margin:0;padding:0;display:grid;gap:8px}
.findings li{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 16px;overflow-wrap:anywhere}
.notes{margin:14px 0 0;padding:10px 16px 10px 34px;border-left:4px solid var(--s4);background:var(--card);border-radius:0 8px 8px 0;font-size:14px}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:8px;background:var(--card);margin:10px 0}
table{border-collapse:collapse;width:100%;font-size:13.5px}
caption{text-align:left;padding:9px 12px;color:var(--soft);font-size:13px;border-bottom:1px solid var(--line)}
th,td{padding:7px 12px;text-align:left;vertical-align:top;border-bottom:1px solid var(--grid)}
td{max-width:340px;overflow-wrap:anywhere}
tr:last-child td,tr:last-child th{border-bottom:0}
thead th{color:var(--soft);font-weight:600;font-size:12.5px;white-space:nowrap;border-bottom:1px solid var(--line)}
tbody th{font-weight:600;min-width:170px}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.sub{display:block;font-weight:400;font-size:12px;color:var(--soft);white-space:normal;overflow-wrap:anywhere;max-width:420px}
.num .sub{white-space:nowrap}
.badge{display:inline-block;border-radius:99px;padding:1px 9px;font-size:12.5px;font-weight:600;white-space:nowrap}
.badge.better,td.better{color:var(--good);background:var(--goodbg)}.badge.worse,td.worse{color:var(--bad);background:var(--badbg)}
.badge.differs,td.differs{color:var(--diff);background:var(--diffbg)}.badge.none{color:var(--soft);font-weight:400;padding-left:0}
td.self{background:var(--grid)}
code,pre{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}
code{background:var(--code);padding:1px 5px;border-radius:4px;overflow-wrap:anywhere}
pre{background:var(--code);padding:12px 14px;border-radius:8px;overflow-x:auto;margin:8px 0}pre code{padding:0;background:none;overflow-wrap:normal}
details{margin:6px 0;font-size:14px}summary{cursor:pointer;color:var(--accent);font-size:13.5px;width:fit-content}
.runs{columns:2;margin:6px 0;padding-left:20px}.runs li{break-inside:avoid}
figure{margin:14px 0 4px;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px 16px 8px}
figcaption{font-weight:600;font-size:14px;margin-bottom:6px;overflow-wrap:anywhere}
.plot{overflow-x:auto}.plot svg{display:block;width:100%;min-width:560px;height:auto}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 18px;margin:0 0 6px;padding:0;font-size:13px}
.legend li{overflow-wrap:anywhere}.key{width:24px;height:12px;margin-right:6px;vertical-align:-1px;display:inline-block}
svg text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;fill:var(--fg);direction:ltr;unicode-bidi:isolate}
svg .tick,svg .note{fill:var(--soft);font-size:11px}svg .label{fill:var(--soft)}svg .value{font-variant-numeric:tabular-nums}
.grid{stroke:var(--grid)}.axis{stroke:var(--soft);stroke-opacity:.5}.zero{stroke:var(--fg);stroke-opacity:.6;stroke-dasharray:3 3}
.mark{stroke:var(--fg);stroke-opacity:.7;stroke-dasharray:4 3}
.line{fill:none;stroke:var(--c);stroke-width:2.2;stroke-linejoin:round}.band{fill:var(--c);fill-opacity:.13}
.dot{fill:var(--card);stroke:var(--c);stroke-width:2}.fill{fill:var(--c)}
.bar{fill:var(--s7)}.bar.neg{fill:var(--s0)}.bar.pos{fill:var(--s1)}
.s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}.s4{--c:var(--s4)}.s5{--c:var(--s5)}.s6{--c:var(--s6)}.s7{--c:var(--s7)}
.d1{stroke-dasharray:7 3}.d2{stroke-dasharray:2 3}.d3{stroke-dasharray:9 3 2 3}.d4{stroke-dasharray:5 5}.d5{stroke-dasharray:1 4}.d6{stroke-dasharray:12 4}.d7{stroke-dasharray:4 2 1 2}
.whisker{stroke-width:2}.estimate{stroke-width:2}
.better{--v:var(--good)}.worse{--v:var(--bad)}.differs{--v:var(--diff)}.none{--v:var(--soft)}
.whisker,.estimate,.arrow{stroke:var(--v)}.estimate,.arrow{fill:var(--v)}.estimate.none{fill:var(--card)}
footer{border-top:1px solid var(--line);margin-top:50px;padding-top:14px;padding-bottom:40px}
@media(max-width:640px){main,header,footer{padding-left:14px;padding-right:14px}.runs{columns:1}}
@media print{body{background:#fff}nav,.skip{display:none}section,figure{break-inside:avoid-page}details[open]{break-inside:auto}}
";
