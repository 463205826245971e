// The front end tells when the view beside the notebook is closed: no other message says so.
export default { render({ model, el }) {
  let beside = false;
  const parts = {};
  el.classList.add("lesson-view");
  for (const name of ["picture", "lines"]) {
    const part = parts[name] = document.createElement("div");
    part.className = name;
    const draw = () => { part.innerHTML = model.get(name); };
    model.on(`change:${name}`, draw);
    draw();
    el.append(part);
  }
  parts.lines.tabIndex = 0;
  parts.lines.ariaLabel = "The last commands, the newest first";
  parts.lines.role = "log";
  new ResizeObserver(() => { beside ||= !!el.closest(".jupyterlab-sidecar"); }).observe(el);
  return () => { if (beside) model.send("closed"); };
} };
