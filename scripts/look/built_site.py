"""A site of three pages that Vite builds: what is in `assets` has the hash of its content in its name."""

import shutil
import subprocess

# The same release everywhere: another one may write other pages.
PACKAGE = "vite@8.3.8"

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<link rel="icon" href="data:,">
<script type="module" src="/main.js"></script>
<h1>{title}</h1>
<p id="where"></p>
<p><a href="/">Home</a> <a href="/about">About</a></p>
"""

FILES = {
    "index.html": PAGE.format(title="Home"),
    "about.html": PAGE.format(title="About"),
    "404.html": PAGE.format(title="Not here"),
    "main.js": """import "./style.css";
import { say } from "./say.js";
import picture from "./picture.svg?no-inline";
say(document.querySelector("#where"));
const image = document.body.appendChild(new Image());
image.alt = "A square";
image.src = picture;
import("./later.js").then(({ late }) => late());
""",
    "say.js": "export const say = (place) => { place.textContent = location.pathname; };\n",
    "later.js": 'export const late = () => { document.body.dataset.late = "yes"; };\n',
    "style.css": "h1 { color: rgb(0, 128, 0); }\n",
    "picture.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>\n',
    "vite.config.mjs": """export default {
  build: { rolldownOptions: { input: ["index.html", "about.html", "404.html"] } },
};
""",
}


def build(folder):
    """Builds the site and returns its folder. `None` if npm cannot get the generator."""
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-save", PACKAGE]
    if subprocess.run(install, cwd=folder, stdout=subprocess.DEVNULL).returncode != 0:
        return None
    for name, content in FILES.items():
        (folder / name).write_text(content)
    subprocess.run([folder / "node_modules/.bin/vite", "build", "--logLevel", "warn"], cwd=folder, check=True)
    site = folder / "dist"
    # The generator is not needed any more.
    shutil.rmtree(folder / "node_modules")
    return site
