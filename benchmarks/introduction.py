"""What the page of a run says before its figures: how to read them, and how each is measured."""

from benchmarks.counted_entry import DAYS, PEOPLE
from benchmarks.entries import LINKS, PASTES
from benchmarks.hour_of_keys import ADDRESSES, CACHED, ROWS, TEXTS
from benchmarks.ingest import VISITS
from benchmarks.kills import KILLS, LONGEST_SECONDS, SHORTEST_SECONDS
from benchmarks.load import CONNECTIONS
from benchmarks.made_visits import BATCH
from benchmarks.races import VISITORS as GATEWAY_VISITORS
from benchmarks.sign_ins import SIGN_INS

INTRODUCTION = f"""
# Benchmarks

`make bench` measures Slipbin beside what limits it and writes this page, all of it: don't edit it. It needs Linux,
two cores, nginx and wrk, and takes about ten minutes. A trial that leaves this page alone is
`make bench args="--rounds 1 --seconds 1 --output trial.md"`.

## How to read it

Absolute figures belong to the machine. **Ratios** in one run are what counts, and CPU time per request is the
steadiest of all. Each server under test is one process on one core; wrk (one thread, {CONNECTIONS} connections) and the
engines (PostgreSQL, Valkey) work on another one. *Core busy* is the share of its core that this server used:
below 100 % it waited for the load or for an engine. In a race everybody is measured once in each round, one after the
other, so that whatever else the machine does meets everybody; figures are medians of the rounds, with the lowest and
highest beside them. Where a request failed, the figures are marked as invalid. *Reach* is what was aimed at; nothing
but the figure decides between *reached* and *missed*, and a figure near its bound may fall on either side in the next
run.

* **Redirect.** `GET /{{key}}` of {LINKS:,} links in turn, with the headers of a browser. Slipbin answers when Valkey
  has recorded the visit. *nginx* answers every address with the same `return 302`: the limit of a web server, which
  counts nothing. *Bare uvicorn* is an ASGI app that looks the address up in a dict, with httptools and uvloop,
  without framework, store, visit, log, or header of uvicorn's: the limit of apps on the server that Slipbin runs on.
  *Bare FastAPI* does the same behind a route. Each link was read before: its first read, by FastAPI, is not measured
  here. With *`appendfsync always`* Valkey has the visit on disk before the answer, and not within a second of it.
* **Redirect, by connections.** The same from fewer and from more connections: readers of one moment share a question
  to Valkey, so where they are few, each costs more.
* **Redirect behind a gateway.** Slipbin is asked by nginx, on the same core, which keeps its connections and tells the
  address of each visitor, {GATEWAY_VISITORS:,} of them in turn. Beside it the same process is asked directly. *CPU* is
  that of the web process alone, and *core busy* its share; nginx has the rest.
* **Raw paste.** `GET /{{key}}/raw` of {PASTES} texts of 10 KB, likewise; nginx serves the same texts as files.
* **Paste page.** `GET /{{key}}` of the same texts, highlighted as Python, asked as a browser does; nginx sends the same
  pages, with the same compression, as files. Each was opened before. Not measured here, but on 29 November 2026, on a
  similar machine: wastebin 3.7 (Rust, axum, SQLite), which counts nothing, sent a highlighted page of 10 KB at 0.11 ×
  nginx serving a file of that size (6,600 pages/s, 114 µs of CPU each) out of its cache, and at 0.004 × (214 pages/s)
  if it had to render it again.
* **Create a link.** `POST /api/v1/links`, answered when PostgreSQL has committed it; keys are ready. Limits are
  on, at figures that are never reached. *Bare FastAPI* checks the same request, answers in the same form and stores
  nothing.
* **`kill -9`.** {KILLS} times a web process is killed {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} s after wrk began
  to load it with redirects. *Answered* are the 302s that wrk has read to their end, *recorded* the visits in Valkey.
  Visits that were recorded and not answered are those whose answer was on its way, at most one for each connection.
  More answers than visits in any of the kills: these are lost. (A loss would not be seen if as many visits were
  recorded and not answered in the same kill.)
* **Restart under load.** Two web processes share a socket. Each gets a successor, and SIGTERM once that one has
  answered, while wrk loads them with redirects; old and new work on one core. *Failed* are requests that got no
  answer, or one with a status of 400 or more. The longest pause is the longest wait for an answer, also for one of a
  process that has not taken the connection yet.
* **Memory.** RSS (all its pages in memory), PSS (shared pages by its share), and the highest RSS, as the kernel noted
  it, in MB of 1,000,000 bytes: of the web process of the races, when it has started, after all of them and after the
  crowd; and of another one, before and after an hour's worth of keys. These are {ADDRESSES:,} different addresses
  (100 new ones a second), all asked for at least once: {CACHED:,} links that Valkey has, {ROWS:,} that only
  PostgreSQL has, and {TEXTS:,} texts of 10 KB, which is more than the 32 MiB that a process keeps. *Under load* is
  the highest of both; what a crowd that signs in takes for a moment (64 MiB for each of two at a time, by Argon2id)
  stands beside it.
* **Redirects while a crowd signs in.** {SIGN_INS} people sign in at once, and each costs a run of Argon2id; meanwhile
  links in the same process are followed again and again, each within 100 ms. The number of waiting sign-ins is
  limited, so some are asked to come again (503).
* **Redirects of a link that is changed.** Several readers follow one link, each again and again, for some seconds;
  then the same while its owner gives it another address each second.
* **Ingest.** One process brings {VISITS:,} visits, {BATCH} in a record, from Valkey's stream into PostgreSQL: what is
  known of their visitors, the visits themselves, and all sums.
* **Statistics.** Of an entry with {PEOPLE:,} visits of people in {DAYS} days, by the API, one request after the
  other. The slowest question counts.
"""
