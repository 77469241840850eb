/* Before the first paint: the style sheet shows what needs a script, and folds menus, only where scripts run. */
document.documentElement.classList.add("scripted");
