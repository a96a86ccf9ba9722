"""Turns texts into HTML in a process of its own: highlighting, views, and whole pages, compressed.

Lexers are regular expressions of others, run on texts of strangers: some of them never end. So no web process runs one.
Each has one child, `python -m main_service.rendering`, and talks to it over a pipe. A job that takes too much time or
memory costs the child, and its text is shown plain.

In the web process:

* `job.Job` is what to do: `kind` (a name in `kinds.KINDS`), `text` (UTF-8), `options` of that kind, `subject` (what the
  text is known by: its `body_id`, as a text never changes under it), and perhaps `before`, `after` and `encoding`.
  The content that comes back is `before` + the HTML + `after`, joined and compressed by the child: with the frame of a
  page around it, it is a page that can be sent as it is; without, a fragment.
* `client.Renderer` does jobs: `await renderer.render(job)` gives a `job.Rendered` (content and facts) or raises
  `errors.NotRenderedError`, and then the caller shows the text plain, by `plain_text`. Jobs that are equal in all but
  the text are one job: `subject` stands for it. No caller's end ends a job; what comes too late for the caller is given
  to `keep`, so that it is there for the next.
* `fragments.FragmentCache` keeps fragments for readers whose page can't be kept as a whole.

In the child:

* A kind is a module with `render(text, options) -> job.Fragment`: a pure function from text to safe HTML and facts. It
  is imported with its first job. What `render` raises shows the text plain, and is remembered: it is not tried again.
  A new kind is a module here and its line in `kinds.KINDS`.
* Modules of the child import the standard library, their own libraries and each other, and nothing else of
  main_service: no settings, no engines, no secrets. import-linter holds that.
"""
