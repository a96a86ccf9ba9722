"""Writes the JSON of all dashboards: python -m deploy.observability.dashboards"""

from deploy.observability.dashboards.all import FOLDER, files

if __name__ == "__main__":
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, text in files().items():
        (FOLDER / name).write_text(text)
