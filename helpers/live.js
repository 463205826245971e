// The front end tells when the view beside the notebook is closed: no other message says so.
// The page's body says that a view is beside the notebook: `:has` would be slow there.
const tell = () => document.body.classList.toggle(
  "lesson-beside", !!document.querySelector(".jupyterlab-sidecar .lesson-view"));
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
  new ResizeObserver((sizes, observer) => {
    if (!el.closest(".jupyterlab-sidecar")) return;
    beside = true;
    tell();
    observer.disconnect();
  }).observe(el);
  return () => {
    if (!beside) return;
    el.classList.remove("lesson-view");
    tell();
    model.send("closed");
  };
} };
