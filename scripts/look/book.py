"""The textbook: its pages in both languages, as a reader finds them and with answers open."""

from pathlib import Path

BOOK = Path(__file__).resolve().parent.parent.parent / "www"

LANGUAGES = ("en", "zh")

# What docroot is asked for beside the folder.
OPTIONS = ["--inspect", "--lab", "--negotiate", "--class"]

CONNECTED = "document.documentElement.dataset.wire === 'connected'"

# What a page is made to do, and what is true then.
ACTIONS = {
    "lessons/07-conditional": (
        "document.querySelector('#not-modified [value=\"412\"]').click();"
        "document.querySelector('#not-modified .send').click()",
        "document.querySelector('#not-modified .answer .verdict') !== null",
    ),
    "lessons/15-websocket": (
        "const one = document.querySelector('.experiment[data-frame]');"
        "one.querySelector('[type=radio]').click(); one.querySelector('.send').click()",
        "document.querySelector('.experiment .answer .frame') !== null",
    ),
    "lessons/14-https": (
        "document.querySelector('[data-cost] button').click()",
        "document.querySelector('[data-cost] table') !== null",
    ),
    "atlas": (
        "const look = () => { const one = document.querySelector('[data-entry=\"If-None-Match\"] .try');"
        " one ? one.click() : requestAnimationFrame(look); }; look()",
        "document.querySelectorAll('[data-entry=\"If-None-Match\"] pre').length === 2",
    ),
}


def pages():
    """The name of each page, its path, the action, and what to wait for."""
    for language in LANGUAGES:
        suffix = "" if language == "en" else ".zh"
        yield f"book-{language}", f"/index{suffix}.html", "", CONNECTED
        class_is_up = "document.querySelector('#learners').textContent.includes('/')"
        yield f"book-class-{language}", f"/.docroot/learn/class?lang={language}", "", class_is_up
        yield f"book-try-{language}", f"/try{suffix}.html", "", "true"
        lessons = sorted(lesson.name for lesson in (BOOK / "lessons").iterdir())
        for folder in ["concepts", "atlas", *(f"lessons/{lesson}" for lesson in lessons)]:
            action, then = ACTIONS.get(folder, ("", "true"))
            name = f"book-{folder.split('/')[-1]}-{language}"
            yield name, f"/{folder}/index.{language}.html", action, f"{CONNECTED} && {then}"


def show(page, address, path, action, then):
    """Opens a page, does what a reader would do, and waits until that has happened."""
    page.go(address + path)
    if action:
        # What the page sends needs the wire view.
        wait_for(page, CONNECTED)
        page.run(f"{{ {action} }}")
    wait_for(page, then)
    page.settle()


def wait_for(page, condition):
    """Waits until an expression is true of the page."""
    page.run(
        "new Promise(done => { const look = () => "
        f"{condition} ? done() : requestAnimationFrame(look); look(); }})"
    )
