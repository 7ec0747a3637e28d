// How pages look: the style sheet that each carries with it.

enum PageStyle {
  /// Light or dark by the reader's own setting; no font, picture or script from elsewhere.
  static let sheet = """
    :root{color-scheme:light dark;--paper:#fff;--panel:#f6f7f9;--ink:#1b1f24;--soft:#59636e;--line:#d5dae1;
    --c0:#2563c9;--c1:#c2410c;--c2:#15803d;--c3:#8b3fb5;--c4:#0e7490;--c5:#b4235a;--heat:37,99,201;--bad:194,65,12}
    @media (prefers-color-scheme:dark){:root{--paper:#14171b;--panel:#1d2127;--ink:#e6e9ee;--soft:#9aa5b1;--line:#363d47;
    --c0:#6aa5ff;--c1:#ff9a5c;--c2:#5fd08a;--c3:#d19bf0;--c4:#5cc8dc;--c5:#ff85b0;--heat:106,165,255;--bad:255,154,92}}
    *{box-sizing:border-box}
    body{margin:0 auto;max-width:76rem;padding:1.5rem 1rem 4rem;background:var(--paper);color:var(--ink);
    font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
    h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.15rem;margin:2.2rem 0 .7rem}
    .soft{color:var(--soft)}p{margin:.3rem 0 .8rem;overflow-wrap:anywhere}
    .key-figures{display:flex;flex-wrap:wrap;gap:.7rem;margin:1rem 0;padding:0;list-style:none}
    .key-figures li{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.45rem .9rem}
    .key-figures b{display:block;font-size:1.3rem;font-variant-numeric:tabular-nums}
    .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1rem}
    figure.chart{margin:0;background:var(--panel);border:1px solid var(--line);border-radius:.5rem;padding:.7rem}
    figcaption{font-weight:600;margin-bottom:.3rem}svg{display:block;width:100%;height:auto}
    .grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}.tick{fill:var(--soft);font-size:12px}
    .curve{fill:none;stroke-width:2;stroke-linejoin:round}.faint{opacity:.3}.curve.faint{stroke-width:1}
    .marks{stroke:var(--soft);stroke-width:1;opacity:.7}
    .legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;margin:.3rem 0 0;padding:0;font-size:.85rem}
    .key{display:inline-block;width:1.1rem;height:.25rem;margin-right:.4rem;vertical-align:middle;background:currentColor}
    .key.mark{width:1px;height:.6rem;margin:0 .5rem;color:var(--soft)}
    .c0{color:var(--c0)}.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}.c4{color:var(--c4)}.c5{color:var(--c5)}
    path.curve{stroke:currentColor}circle{fill:currentColor}
    .scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
    caption{text-align:left;font-weight:600;padding:.3rem 0}th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid var(--line)}
    th{font-weight:600}table.facts{width:100%}table.facts th,table.facts td{text-align:left;vertical-align:top;overflow-wrap:anywhere}
    table.facts th{font-weight:400;color:var(--soft);width:16rem;max-width:45%}
    table.confusion td,table.confusion th{white-space:nowrap;border:1px solid var(--line);min-width:2.6rem;text-align:center;padding:.2rem .35rem}
    table.settings td{min-width:9rem;overflow-wrap:anywhere;vertical-align:top}table.settings th{vertical-align:top}
    td.right{background:rgba(var(--heat),var(--share))}td.wrong{background:rgba(var(--bad),var(--share))}
    .differs{background:rgba(var(--bad),.18);font-weight:600}
    .mistakes{display:grid;grid-template-columns:repeat(auto-fill,minmax(7rem,1fr));gap:.7rem;list-style:none;margin:0;padding:0}
    .mistakes li{background:var(--panel);border:1px solid var(--line);border-radius:.4rem;padding:.4rem;font-size:.8rem;
    text-align:center;overflow-wrap:anywhere}
    .mistakes img{width:100%;max-width:6rem;image-rendering:pixelated;border-radius:.2rem}
    .note{border-left:.25rem solid var(--c1);padding-left:.7rem}details summary{cursor:pointer;font-weight:600;margin:.6rem 0}
    @media print{body{max-width:none}details{display:block}}
    """

  /// A whole page.
  /// - Parameter body: markup.
  static func page(title: String, body: String) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
    <title>\(Markup.escape(title))</title>
    <link rel="icon" href="data:,">
    <style>
    \(sheet)
    </style>
    </head>
    <body>
    \(body)
    </body>
    </html>

    """
  }
}
