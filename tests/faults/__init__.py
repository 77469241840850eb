"""One fault after another into a running installation that does its main job; nothing may be lost or doubled."""
